public import FoundationEssentials

// How Swift's own types travel, in PostgreSQL's binary formats (the `…send`/`…recv` functions in its
// `src/backend/utils/adt`): integers big-endian, times as microseconds since 2000-01-01 UTC.

extension FixedWidthInteger {
    func appendBigEndian(to buffer: inout [UInt8]) {
        withUnsafeBytes(of: bigEndian) { buffer.append(contentsOf: $0) }
    }

    /// Reads from the front of `bytes`, which the caller has checked to be long enough.
    init(bigEndianBytes bytes: UnsafeRawBufferPointer, at offset: Int = 0) {
        self.init(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Self.self))
    }

    /// Any integer column, and a `numeric` without fraction (the sum of a bigint is one).
    static func decodeInteger(_ field: PostgresField) throws(PostgresDecodingFailure) -> Self {
        let wide: Int64
        switch field.type {
        case .int8: wide = Int64(bigEndianBytes: try field.required(count: 8))
        case .int4: wide = Int64(Int32(bigEndianBytes: try field.required(count: 4)))
        case .int2: wide = Int64(Int16(bigEndianBytes: try field.required(count: 2)))
        case .oid: wide = Int64(UInt32(bigEndianBytes: try field.required(count: 4)))
        case .numeric: wide = try Numeric(field.required()).integer()
        default: throw .typeMismatch(field.type)
        }
        guard let value = Self(exactly: wide) else { throw .outOfRange }
        return value
    }
}

extension Int: PostgresCodable {
    public static var postgresType: PostgresType { .int8 }
    public func encode(into buffer: inout [UInt8]) { Int64(self).appendBigEndian(to: &buffer) }
    public static func decode(_ field: PostgresField) throws(PostgresDecodingFailure) -> Int {
        try decodeInteger(field)
    }
}

extension Int64: PostgresCodable {
    public static var postgresType: PostgresType { .int8 }
    public func encode(into buffer: inout [UInt8]) { appendBigEndian(to: &buffer) }
    public static func decode(_ field: PostgresField) throws(PostgresDecodingFailure) -> Int64 {
        try decodeInteger(field)
    }
}

extension Int32: PostgresCodable {
    public static var postgresType: PostgresType { .int4 }
    public func encode(into buffer: inout [UInt8]) { appendBigEndian(to: &buffer) }
    public static func decode(_ field: PostgresField) throws(PostgresDecodingFailure) -> Int32 {
        try decodeInteger(field)
    }
}

extension Int16: PostgresCodable {
    public static var postgresType: PostgresType { .int2 }
    public func encode(into buffer: inout [UInt8]) { appendBigEndian(to: &buffer) }
    public static func decode(_ field: PostgresField) throws(PostgresDecodingFailure) -> Int16 {
        try decodeInteger(field)
    }
}

extension Bool: PostgresCodable {
    public static var postgresType: PostgresType { .bool }
    public func encode(into buffer: inout [UInt8]) { buffer.append(self ? 1 : 0) }
    public static func decode(_ field: PostgresField) throws(PostgresDecodingFailure) -> Bool {
        guard field.type == .bool else { throw .typeMismatch(field.type) }
        return try field.required(count: 1)[0] != 0
    }
}

extension Double: PostgresCodable {
    public static var postgresType: PostgresType { .float8 }
    public func encode(into buffer: inout [UInt8]) { bitPattern.appendBigEndian(to: &buffer) }
    public static func decode(_ field: PostgresField) throws(PostgresDecodingFailure) -> Double {
        switch field.type {
        case .float8: Double(bitPattern: UInt64(bigEndianBytes: try field.required(count: 8)))
        case .float4: Double(Float(bitPattern: UInt32(bigEndianBytes: try field.required(count: 4))))
        case .numeric: try Numeric(field.required()).double()
        default: Double(try Int64.decodeInteger(field))
        }
    }
}

extension String: PostgresCodable {
    public static var postgresType: PostgresType { .text }
    public func encode(into buffer: inout [UInt8]) { buffer.append(contentsOf: utf8) }

    /// Text of every kind, enums and domains included (their binary format is their text), and JSON as text. The
    /// types whose binary format is not text are refused: cast them (`id::text`).
    public static func decode(_ field: PostgresField) throws(PostgresDecodingFailure) -> String {
        switch field.type {
        case .bool, .bytea, .int8, .int2, .int4, .oid, .float4, .float8, .timestamp, .timestamptz, .numeric, .uuid:
            throw .typeMismatch(field.type)
        case .jsonb:
            return try JSONText.decode(field).text
        default:
            guard let string = String(validating: try field.required(), as: UTF8.self) else { throw .malformed }
            return string
        }
    }
}

extension UUID: PostgresCodable {
    public static var postgresType: PostgresType { .uuid }
    public func encode(into buffer: inout [UInt8]) { withUnsafeBytes(of: uuid) { buffer.append(contentsOf: $0) } }
    public static func decode(_ field: PostgresField) throws(PostgresDecodingFailure) -> UUID {
        guard field.type == .uuid else { throw .typeMismatch(field.type) }
        return UUID(uuid: try field.required(count: 16).loadUnaligned(as: uuid_t.self))
    }
}

extension Date: PostgresCodable {
    /// From Foundation's reference date, 2001-01-01, back to PostgreSQL's, 2000-01-01 (a leap year).
    private static let microsecondsBetweenReferenceDates: Int64 = 366 * 86_400 * 1_000_000

    /// Microseconds since 2000-01-01 UTC, rounded to the nearest.
    var postgresMicroseconds: Int64 {
        let microseconds = (timeIntervalSinceReferenceDate * 1e6).rounded()
        // Beyond what timestamptz holds (year 294276): the server's own infinities.
        if microseconds >= 9.2e18 { return .max }
        if microseconds <= -9.2e18 { return .min }
        return Int64(microseconds) + Self.microsecondsBetweenReferenceDates
    }

    /// The date that stands for the microsecond exactly: binding it again gives the same microsecond (for the years
    /// that a Double can tell apart at that resolution, 1858 to 2143).
    init(postgresMicroseconds microseconds: Int64) {
        let (sinceReference, overflow) = microseconds.subtractingReportingOverflow(
            Self.microsecondsBetweenReferenceDates)
        self.init(timeIntervalSinceReferenceDate: Double(overflow ? microseconds : sinceReference) / 1e6)
    }

    public static var postgresType: PostgresType { .timestamptz }
    public func encode(into buffer: inout [UInt8]) { postgresMicroseconds.appendBigEndian(to: &buffer) }

    /// A `timestamp` without time zone is read as UTC.
    public static func decode(_ field: PostgresField) throws(PostgresDecodingFailure) -> Date {
        guard field.type == .timestamptz || field.type == .timestamp else { throw .typeMismatch(field.type) }
        return Date(postgresMicroseconds: Int64(bigEndianBytes: try field.required(count: 8)))
    }
}

/// JSON as text, bound and read as `jsonb` (`json` can be read too).
public struct JSONText: PostgresCodable, Hashable {
    public var text: String

    public init(_ text: String) {
        self.text = text
    }

    public static var postgresType: PostgresType { .jsonb }

    public func encode(into buffer: inout [UInt8]) {
        buffer.append(1)  // the version of jsonb's binary format
        buffer.append(contentsOf: text.utf8)
    }

    public static func decode(_ field: PostgresField) throws(PostgresDecodingFailure) -> JSONText {
        var bytes = try field.required()
        switch field.type {
        case .json: break
        case .jsonb:
            guard bytes.first == 1 else { throw .malformed }
            bytes = UnsafeRawBufferPointer(rebasing: bytes.dropFirst())
        default: throw .typeMismatch(field.type)
        }
        guard let text = String(validating: bytes, as: UTF8.self) else { throw .malformed }
        return JSONText(text)
    }
}
