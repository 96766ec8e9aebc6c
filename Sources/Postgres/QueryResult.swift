import CLibpq
import Glibc

/// The rows that a statement returned.
public struct QueryResult: Sendable, RandomAccessCollection {
    let storage: ResultStorage

    public var startIndex: Int { 0 }
    public var endIndex: Int { storage.rowCount }
    public subscript(position: Int) -> Row {
        precondition(position >= 0 && position < storage.rowCount, "row index out of range")
        return Row(storage: storage, index: position)
    }

    /// How many rows the statement inserted, updated, deleted or selected.
    public var affectedRows: Int { storage.affectedRows }
    /// The names of the columns, in order.
    public var columns: [String] { (0..<storage.columnCount).map(storage.columnName) }
}

/// One row of a result.
public struct Row: Sendable {
    let storage: ResultStorage
    let index: Int

    /// Reads a column by its name (the first one, if there are several).
    ///
    /// - Throws: `PostgresError.Kind.decoding` when there is no such column, or its value is not a `Value`.
    public func decode<Value: PostgresDecodable>(
        _ column: String, as type: Value.Type = Value.self
    ) throws(PostgresError) -> Value {
        guard let position = storage.column(named: column) else {
            throw PostgresError(.decoding(column: column, .noSuchColumn))
        }
        return try decode(at: position, column: column)
    }

    /// Reads a column by its position, counted from 0.
    public func decode<Value: PostgresDecodable>(
        at position: Int, as type: Value.Type = Value.self
    ) throws(PostgresError) -> Value {
        guard (0..<storage.columnCount).contains(position) else {
            throw PostgresError(.decoding(column: "\(position)", .noSuchColumn))
        }
        return try decode(at: position, column: nil)
    }

    private func decode<Value: PostgresDecodable>(at position: Int, column: String?) throws(PostgresError) -> Value {
        do throws(PostgresDecodingFailure) {
            return try storage.withField(row: index, column: position) { field throws(PostgresDecodingFailure) in
                try Value.decode(field)
            }
        } catch {
            throw PostgresError(.decoding(column: column ?? storage.columnName(position), error))
        }
    }
}

/// Owns a `PGresult` and frees it.
///
/// `@unchecked Sendable`: a `PGresult` is not changed once libpq has handed it over, and the functions used here only
/// read it (libpq manual, "Behavior in Threaded Programs").
final class ResultStorage: @unchecked Sendable {
    private let result: OpaquePointer
    let rowCount: Int
    let columnCount: Int

    /// Takes over `result`, which must be a successful one in binary format.
    init(owning result: OpaquePointer) {
        self.result = result
        rowCount = Int(PQntuples(result))
        columnCount = Int(PQnfields(result))
    }

    var affectedRows: Int { PQcmdTuples(result).flatMap { Int(String(cString: $0)) } ?? 0 }

    func columnName(_ column: Int) -> String { String(cString: PQfname(result, Int32(column))) }

    /// The first column of that name. (`PQfnumber` would fold the case, and allocate.)
    func column(named name: String) -> Int? {
        name.withCString { name in
            (0..<columnCount).first { strcmp(PQfname(result, Int32($0)), name) == 0 }
        }
    }

    /// The name of the command that the server performed ("COMMIT", "ROLLBACK", "INSERT 0 1").
    var commandTag: String { String(cString: PQcmdStatus(result)) }

    func withField<Value>(
        row: Int, column: Int, _ body: (PostgresField) throws(PostgresDecodingFailure) -> Value
    ) throws(PostgresDecodingFailure) -> Value {
        let (row, column) = (Int32(row), Int32(column))
        let type = PostgresType(oid: PQftype(result, column))
        // The bytes live as long as `result`, hence as long as `self`, which this call keeps alive.
        defer { withExtendedLifetime(self) {} }
        if PQgetisnull(result, row, column) == 1 { return try body(PostgresField(type: type, bytes: nil)) }
        let bytes = UnsafeRawBufferPointer(
            start: PQgetvalue(result, row, column), count: Int(PQgetlength(result, row, column)))
        return try body(PostgresField(type: type, bytes: bytes))
    }

    deinit {
        PQclear(result)
    }
}
