import Testing

@testable import Postgres

@Suite struct SQLTests {
    @Test("an interpolated value becomes a numbered parameter of its type")
    func binding() {
        let sql: SQL = "SELECT \(1), \("a'; DROP TABLE events; --"), \(true)"
        #expect(sql.text == "SELECT $1, $2, $3")
        #expect(sql.types == [20, 25, 16])
        #expect(sql.extents.map(\.length) == [8, 25, 1])
    }

    @Test("nil is bound as a typed NULL")
    func null() {
        let nothing: String? = nil
        let sql: SQL = "SELECT \(nothing)"
        #expect(sql.text == "SELECT $1")
        #expect(sql.types == [25])
        #expect(sql.extents == [.init(offset: 0, length: -1)])
    }

    @Test("a spliced fragment's parameters are renumbered and keep their values")
    func splicing() {
        let fragment: SQL = "a = \(1) OR b = \("x") OR é = $$ \(2)"
        let sql: SQL = "SELECT \(7) WHERE \(fragment: fragment) AND c = \("yz")"
        #expect(sql.text == "SELECT $1 WHERE a = $2 OR b = $3 OR é = $$ $4 AND c = $5")
        #expect(sql.types == [20, 20, 25, 20, 25])
        #expect(sql.extents.map(\.offset) == [0, 8, 16, 17, 25])
        #expect(sql.values[16] == UInt8(ascii: "x"))
    }

    @Test("renumbering goes right past nine parameters")
    func manyParameters() {
        let fragments = (1...12).map { "(\($0))" as SQL }
        let list = fragments.joined(separator: ", ")
        let sql: SQL = "VALUES \(fragment: list), (\(13)) ; \(fragment: list)"
        #expect(list.text == (1...12).map { "($\($0))" }.joined(separator: ", "))
        #expect(
            sql.text == "VALUES \(list.text), ($13) ; " + (14...25).map { "($\($0))" }.joined(separator: ", "))
    }

    @Test("an enum of strings is bound by its raw value")
    func rawValues() {
        enum Status: String, PostgresCodable, PostgresArrayElement { case draft, published }
        let sql: SQL = "SELECT \(Status.draft), \([Status.published])"
        #expect(sql.types == [25, 1009])
        #expect(sql.values.starts(with: Array("draft".utf8)))
    }
}
