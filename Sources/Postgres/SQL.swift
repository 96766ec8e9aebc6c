/// One SQL statement with its bound values.
///
/// Written as a string literal; every interpolated value becomes a parameter (`$1`, `$2`, …) of the PostgreSQL type
/// that belongs to its Swift type, and is never pasted into the text:
///
///     "SELECT title FROM events WHERE id = \(id) AND status = \(status)"
///
/// `\(fragment: other)` splices another `SQL`, renumbering its parameters. Text can only come from literals (their
/// type is `StaticString`), so a run-time string can't become SQL.
///
/// Parameters are declared to the server with their types, so a value bound for a column of an enum or another type
/// without an implicit cast needs one: `\(name)::event_status`.
public struct SQL: ExpressibleByStringInterpolation, Sendable {
    /// The statement as PostgreSQL sees it, with `$1`, `$2`, ….
    public private(set) var text = ""
    /// Where each placeholder starts, in UTF-8 units of `text`; needed to renumber them when spliced.
    private var placeholders: [Int] = []
    /// The declared types, in order.
    var types: [UInt32] = []
    /// Offset and length of each value in `values`; a length of -1 is NULL.
    var extents: [Extent] = []
    /// All values in PostgreSQL's binary format, one after the other.
    var values: [UInt8] = []

    struct Extent: Equatable {
        var offset: Int
        var length: Int
    }

    public init(stringLiteral value: StaticString) {
        append(literal: value)
    }

    public init(stringInterpolation: StringInterpolation) {
        self = stringInterpolation.sql
    }

    /// The empty statement: a neutral start for `+=`.
    public init() {}

    /// Collects literal text and bound values; not used by hand.
    public struct StringInterpolation: StringInterpolationProtocol {
        var sql = SQL()

        public init(literalCapacity: Int, interpolationCount: Int) {
            sql.text.reserveCapacity(literalCapacity + interpolationCount * 3)
            sql.types.reserveCapacity(interpolationCount)
            sql.extents.reserveCapacity(interpolationCount)
            sql.placeholders.reserveCapacity(interpolationCount)
        }

        public mutating func appendLiteral(_ literal: StaticString) {
            sql.append(literal: literal)
        }

        /// Binds a value.
        public mutating func appendInterpolation<Value: PostgresEncodable>(_ value: Value) {
            sql.bind(value)
        }

        /// Binds a value or NULL.
        public mutating func appendInterpolation<Value: PostgresEncodable>(_ value: Value?) {
            sql.bind(value)
        }

        /// Splices another statement's text and values.
        public mutating func appendInterpolation(fragment: SQL) {
            sql += fragment
        }

        /// Splices what `fragment` makes of a value, and nothing where there is none: an optional filter.
        ///
        ///     "… WHERE user_id = \(user) \(given: status, { "AND status = \($0)" }) ORDER BY …"
        ///
        /// Not `$1 IS NULL OR status = $1`: no index serves that, and one plan would have to do for both.
        public mutating func appendInterpolation<Value>(given value: Value?, _ fragment: (Value) -> SQL) {
            if let value { sql += fragment(value) }
        }
    }

    /// Appends the other's text and values, renumbering its placeholders.
    public static func += (left: inout SQL, right: SQL) {
        left.append(right)
    }

    public static func + (left: SQL, right: SQL) -> SQL {
        var sum = left
        sum.append(right)
        return sum
    }

    private mutating func append(literal: StaticString) {
        literal.withUTF8Buffer { text += String(decoding: $0, as: UTF8.self) }
    }

    /// Appends text made at run time by our own code, such as a quoted channel name.
    mutating func append(trusted text: String) {
        self.text += text
    }

    private mutating func bind<Value: PostgresEncodable>(_ value: Value?) {
        appendPlaceholder()
        types.append(Value.postgresType.oid)
        guard let value else {
            extents.append(Extent(offset: values.count, length: -1))
            return
        }
        let start = values.count
        value.encode(into: &values)
        extents.append(Extent(offset: start, length: values.count - start))
    }

    private mutating func appendPlaceholder() {
        placeholders.append(text.utf8.count)
        text += "$\(placeholders.count)"
    }

    private mutating func append(_ other: SQL) {
        let source = other.text.utf8
        var copied = source.startIndex
        for (position, start) in other.placeholders.enumerated() {
            let placeholder = source.index(source.startIndex, offsetBy: start)
            text += other.text[copied..<placeholder]
            appendPlaceholder()
            copied = source.index(placeholder, offsetBy: 1 + String(position + 1).utf8.count)
        }
        text += other.text[copied...]
        types += other.types
        extents += other.extents.map { Extent(offset: $0.offset + values.count, length: $0.length) }
        values += other.values
    }
}

extension Sequence where Element == SQL {
    /// The statements one after the other with `separator` between them.
    public func joined(separator: SQL = ", ") -> SQL {
        var result = SQL()
        for (position, element) in enumerated() {
            if position > 0 { result += separator }
            result += element
        }
        return result
    }
}
