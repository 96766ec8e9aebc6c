/// A value that can be bound as a parameter.
///
/// A type with a `rawValue` that can be bound (an enum of strings, a typed id) gets `encode` for free, and
/// `postgresType` too.
public protocol PostgresEncodable: Sendable {
    /// The type declared to the server.
    static var postgresType: PostgresType { get }
    /// Appends the value in PostgreSQL's binary format of that type, without its length.
    func encode(into buffer: inout [UInt8])
}

/// A value that can be read from a column.
///
/// A type with a `rawValue` that can be read gets `decode` for free.
public protocol PostgresDecodable: Sendable {
    /// Reads the value from the field's binary format.
    static func decode(_ field: PostgresField) throws(PostgresDecodingFailure) -> Self
}

public typealias PostgresCodable = PostgresEncodable & PostgresDecodable

/// One value of a result, as the server sent it.
///
/// Valid only during the call that hands it over: `bytes` points into the result.
public struct PostgresField {
    public let type: PostgresType
    /// The binary format; nil is NULL.
    public let bytes: UnsafeRawBufferPointer?

    public init(type: PostgresType, bytes: UnsafeRawBufferPointer?) {
        self.type = type
        self.bytes = bytes
    }

    /// The bytes of a value that must not be NULL.
    public func required() throws(PostgresDecodingFailure) -> UnsafeRawBufferPointer {
        guard let bytes else { throw .unexpectedNull }
        return bytes
    }

    /// The bytes of a value that must have exactly this many.
    func required(count: Int) throws(PostgresDecodingFailure) -> UnsafeRawBufferPointer {
        let bytes = try required()
        guard bytes.count == count else { throw .malformed }
        return bytes
    }
}

/// Why a column could not be read. Never holds the value.
public enum PostgresDecodingFailure: Error, Hashable, Sendable {
    /// NULL where the Swift type is not optional.
    case unexpectedNull
    /// The column's type has no reading as the Swift type.
    case typeMismatch(PostgresType)
    /// The value does not fit the Swift type (an integer too large, an unknown enum case).
    case outOfRange
    /// The bytes are not what the type's binary format says.
    case malformed
    case noSuchColumn
}

extension PostgresEncodable where Self: RawRepresentable, RawValue: PostgresEncodable {
    public static var postgresType: PostgresType { RawValue.postgresType }
    public func encode(into buffer: inout [UInt8]) { rawValue.encode(into: &buffer) }
}

extension PostgresDecodable where Self: RawRepresentable, RawValue: PostgresDecodable {
    public static func decode(_ field: PostgresField) throws(PostgresDecodingFailure) -> Self {
        guard let value = Self(rawValue: try RawValue.decode(field)) else { throw .outOfRange }
        return value
    }
}

extension Optional: PostgresDecodable where Wrapped: PostgresDecodable {
    public static func decode(_ field: PostgresField) throws(PostgresDecodingFailure) -> Self {
        field.bytes == nil ? nil : try Wrapped.decode(field)
    }
}
