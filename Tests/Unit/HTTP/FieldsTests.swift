@testable import api_service
import Domain
import FoundationEssentials
import Testing

@Suite("Reading requests")
struct FieldsTests {
    private func fields(_ json: String) throws -> BodyFields {
        BodyFields(try #require(BodyFields.object(Array(json.utf8))))
    }

    @Test("everything that is wrong with a body is said at once, each field once")
    func allErrors() throws {
        var fields = try fields(
            #"{"email":5,"name":"a\u0000b","count":1.5,"flag":"yes","at":"tomorrow","far":"9000-01-01T00:00:00Z"}"#)
        _ = fields.email("email")
        _ = fields.text("name", 1...10)
        _ = fields.int("count")
        _ = fields.bool("flag", default: false)
        _ = fields.date("at")
        _ = fields.optionalDate("far")
        _ = fields.password("password")
        #expect(
            fields.validation.errors.map(\.field) == ["email", "name", "count", "flag", "at", "far", "password"])
    }

    @Test("texts come in one spelling; addresses lose what nobody sees, and their domains are ASCII")
    func spellings() throws {
        var fields = try fields(
            #"{"name":"Cafe\u0301","email":"\u200b Tess@Mu\u0308nchen.example\u00a0\ufeff"}"#)
        let (name, email) = (fields.text("name", 1...10), fields.email("email"))
        #expect(Array(name.unicodeScalars) == Array("Café".unicodeScalars))
        #expect(email == "tess@xn--mnchen-3ya.example")
        #expect(fields.validation.errors.isEmpty)
    }

    @Test(
        "a name has something to be seen, and does not turn the words around it",
        arguments: [
            #"\u200b"#, #"\u3164"#, #"\u2800"#, #"\u00ad\u2060"#, #"\u0301"#, #"\u202eevil"#, #"a\u2066b"#,
            #"a\u200fb"#,
        ])
    func unseen(name: String) throws {
        var fields = try fields(#"{"name":"\#(name)"}"#)
        _ = fields.text("name", 1...100)
        #expect(fields.validation.errors.map(\.field) == ["name"])
    }

    @Test(
        "names of every script are names",
        arguments: ["김", "नमस्ते", "😀", #"a\u200db"#, #"Ng\u1ecdc"#, "علي", #"क्\u200dष"#])
    func scripts(name: String) throws {
        var fields = try fields(#"{"name":"\#(name)"}"#)
        _ = fields.text("name", 1...100)
        #expect(fields.validation.errors.isEmpty)
    }

    @Test("good fields are read, and absent ones are told from null")
    func good() throws {
        var fields = try fields(
            #"{"email":" Tess@Example.COM ","count":3,"at":"2026-05-01T20:00:00+02:00","nothing":null}"#)
        let (email, count, at) = (fields.email("email"), fields.int("count"), fields.date("at"))
        let nothing = fields.optionalText("nothing", maximum: 5)
        #expect(email == "tess@example.com")
        #expect(count == 3)
        #expect(at == Date(timeIntervalSince1970: 1_777_658_400))
        #expect(fields.has("nothing"))
        #expect(!fields.has("absent"))
        #expect(nothing == nil)
        #expect(fields.validation.errors.isEmpty)
    }

    @Test(
        "what isn't one JSON object in UTF-8 is malformed",
        arguments: [
            "", "{", "[]", "null", "1", "\"x\"", #"{"a":1e999}"#, #"{"a":"\ud800"}"#, #"{"a":01}"#, "{\"a\":1}x",
            "{'a':1}",
        ])
    func malformed(text: String) {
        #expect(BodyFields.object(Array(text.utf8)) == nil)
    }

    @Test("bytes that aren't UTF-8, other encodings and bottomless nesting are malformed")
    func malformedBytes() {
        #expect(BodyFields.object([0x7B, 0x22, 0xFF, 0x22, 0x3A, 0x31, 0x7D]) == nil)
        #expect(BodyFields.object(Array("{}".utf16).flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }) == nil)
        #expect(BodyFields.object(Array(String(repeating: "[", count: 100_000).utf8)) == nil)
        let deep = String(repeating: #"{"a":"#, count: 5000) + "1" + String(repeating: "}", count: 5000)
        #expect(BodyFields.object(Array(deep.utf8)) == nil)
    }

    @Test("queries are decoded, and what is wrong with them is said")
    func queries() throws {
        var good = QueryFields("query=caf%C3%A9+au+lait&limit=100&mine=true&from=2026-05-01T18:00:00Z")
        let (text, limit, isMine, from) = (good.text("query"), good.limit(), good.bool("mine"), good.date("from"))
        #expect(text == "café au lait")
        #expect(limit == 100)
        #expect(isMine)
        #expect(from == Date(timeIntervalSince1970: 1_777_658_400))
        #expect(good.validation.errors.isEmpty)

        var bad = QueryFields("query=%00&limit=0&mine=maybe&from=x&name=%ff&half=%2&status=gone")
        _ = bad.text("query")
        _ = bad.limit()
        _ = bad.bool("mine")
        _ = bad.date("from")
        _ = bad.choice("status", of: RegistrationStatus.self)
        #expect(
            bad.validation.errors.map(\.field).sorted()
                == ["from", "half", "limit", "mine", "name", "query", "status"])
    }
}
