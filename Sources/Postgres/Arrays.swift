public import FoundationEssentials

/// A type whose arrays can be bound and read as PostgreSQL arrays of one dimension.
///
/// Types with a `rawValue` that is one only need to declare the conformance.
public protocol PostgresArrayElement: Sendable {
    static var postgresArrayType: PostgresType { get }
    static func encodeArray(_ elements: [Self], into buffer: inout [UInt8])
    static func decodeArray(_ field: PostgresField) throws(PostgresDecodingFailure) -> [Self]
}

extension Array: PostgresEncodable where Element: PostgresArrayElement {
    public static var postgresType: PostgresType { Element.postgresArrayType }
    public func encode(into buffer: inout [UInt8]) { Element.encodeArray(self, into: &buffer) }
}

extension Array: PostgresDecodable where Element: PostgresArrayElement {
    public static func decode(_ field: PostgresField) throws(PostgresDecodingFailure) -> [Element] {
        try Element.decodeArray(field)
    }
}

/// `[UInt8]` is `bytea`, not an array of numbers.
extension UInt8: PostgresArrayElement {
    public static var postgresArrayType: PostgresType { .bytea }
    public static func encodeArray(_ elements: [UInt8], into buffer: inout [UInt8]) { buffer += elements }
    public static func decodeArray(_ field: PostgresField) throws(PostgresDecodingFailure) -> [UInt8] {
        guard field.type == .bytea else { throw .typeMismatch(field.type) }
        return Array(try field.required())
    }
}

extension Int: PostgresArrayElement { public static var postgresArrayType: PostgresType { .int8Array } }
extension Int64: PostgresArrayElement { public static var postgresArrayType: PostgresType { .int8Array } }
extension Int32: PostgresArrayElement { public static var postgresArrayType: PostgresType { .int4Array } }
extension Int16: PostgresArrayElement { public static var postgresArrayType: PostgresType { .int2Array } }
extension Bool: PostgresArrayElement { public static var postgresArrayType: PostgresType { .boolArray } }
extension Double: PostgresArrayElement { public static var postgresArrayType: PostgresType { .float8Array } }
extension String: PostgresArrayElement { public static var postgresArrayType: PostgresType { .textArray } }
extension UUID: PostgresArrayElement { public static var postgresArrayType: PostgresType { .uuidArray } }
extension Date: PostgresArrayElement { public static var postgresArrayType: PostgresType { .timestamptzArray } }
extension JSONText: PostgresArrayElement { public static var postgresArrayType: PostgresType { .jsonbArray } }

extension PostgresArrayElement where Self: RawRepresentable, RawValue: PostgresArrayElement {
    public static var postgresArrayType: PostgresType { RawValue.postgresArrayType }
}

extension PostgresArrayElement where Self: PostgresEncodable & PostgresDecodable {
    public static func encodeArray(_ elements: [Self], into buffer: inout [UInt8]) {
        encodePostgresArray(elements, elementType: postgresType, into: &buffer) { $0 }
    }

    public static func decodeArray(_ field: PostgresField) throws(PostgresDecodingFailure) -> [Self] {
        try decodePostgresArray(field) { element throws(PostgresDecodingFailure) in try Self.decode(element) }
    }
}

extension Optional: PostgresArrayElement where Wrapped: PostgresArrayElement & PostgresEncodable & PostgresDecodable {
    public static var postgresArrayType: PostgresType { Wrapped.postgresArrayType }

    public static func encodeArray(_ elements: [Wrapped?], into buffer: inout [UInt8]) {
        encodePostgresArray(elements, elementType: Wrapped.postgresType, into: &buffer) { $0 }
    }

    public static func decodeArray(_ field: PostgresField) throws(PostgresDecodingFailure) -> [Wrapped?] {
        try decodePostgresArray(field) { element throws(PostgresDecodingFailure) in
            element.bytes == nil ? nil : try Wrapped.decode(element)
        }
    }
}

// The binary format of `array_send`: dimensions, a NULL flag, the element's type; for each dimension its length and
// lower bound; then each element with its length, -1 for NULL.

private func encodePostgresArray<Element, Value: PostgresEncodable>(
    _ elements: [Element], elementType: PostgresType, into buffer: inout [UInt8], value: (Element) -> Value?
) {
    Int32(elements.isEmpty ? 0 : 1).appendBigEndian(to: &buffer)
    Int32(elements.contains { value($0) == nil } ? 1 : 0).appendBigEndian(to: &buffer)
    elementType.oid.appendBigEndian(to: &buffer)
    if elements.isEmpty { return }
    Int32(elements.count).appendBigEndian(to: &buffer)
    Int32(1).appendBigEndian(to: &buffer)
    for element in elements {
        guard let value = value(element) else {
            Int32(-1).appendBigEndian(to: &buffer)
            continue
        }
        let lengthAt = buffer.count
        Int32(0).appendBigEndian(to: &buffer)
        value.encode(into: &buffer)
        let length = Int32(buffer.count - lengthAt - 4)
        withUnsafeBytes(of: length.bigEndian) { buffer.replaceSubrange(lengthAt..<lengthAt + 4, with: $0) }
    }
}

private func decodePostgresArray<Element>(
    _ field: PostgresField, element: (PostgresField) throws(PostgresDecodingFailure) -> Element
) throws(PostgresDecodingFailure) -> [Element] {
    let bytes = try field.required()
    guard bytes.count >= 12 else { throw .malformed }
    let dimensions = Int32(bigEndianBytes: bytes)
    let type = PostgresType(oid: UInt32(bigEndianBytes: bytes, at: 8))
    if dimensions == 0 { return [] }
    guard dimensions == 1 else { throw .typeMismatch(field.type) }
    guard bytes.count >= 20 else { throw .malformed }
    let count = Int(Int32(bigEndianBytes: bytes, at: 12))
    var result: [Element] = []
    result.reserveCapacity(min(count, bytes.count / 4))
    var offset = 20
    for _ in 0..<count {
        guard bytes.count >= offset + 4 else { throw .malformed }
        let length = Int(Int32(bigEndianBytes: bytes, at: offset))
        offset += 4
        if length < 0 {
            result.append(try element(PostgresField(type: type, bytes: nil)))
            continue
        }
        guard bytes.count >= offset + length else { throw .malformed }
        let value = UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + length])
        result.append(try element(PostgresField(type: type, bytes: value)))
        offset += length
    }
    return result
}
