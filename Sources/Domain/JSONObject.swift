public import FoundationEssentials

/// A value that writes its own JSON, identical to what `Encodable` would produce.
///
/// For values encoded for every registration in a rush: `JSONEncoder` takes about twenty microseconds for each.
public protocol JSONWritable: Encodable {
    /// Adds the fields, in the order of their names.
    func write(to object: inout JSONObject) throws
}

/// A builder for a JSON object, field by field.
public struct JSONObject {
    private var bytes: [UInt8] = [UInt8(ascii: "{")]

    init() { bytes.reserveCapacity(512) }

    /// The finished document.
    var document: [UInt8] { bytes + CollectionOfOne(UInt8(ascii: "}")) }

    public mutating func add(_ name: StaticString, _ value: Int) {
        key(name)
        bytes += String(value).utf8
    }

    public mutating func add<Subject>(_ name: StaticString, _ value: Identifier<Subject>) {
        key(name)
        quote()
        value.uuid.appendText(to: &bytes)
        quote()
    }

    public mutating func add(_ name: StaticString, _ value: Date) {
        key(name)
        quote()
        bytes += Timestamp.text(value).utf8
        quote()
    }

    /// A trusted text that needs no escaping: the raw value of an enumeration.
    public mutating func add(_ name: StaticString, _ value: some RawRepresentable<String>) {
        key(name)
        quote()
        bytes += value.rawValue.utf8
        quote()
    }

    /// Text that rarely needs escaping: the encoder is used only if it does.
    mutating func add(_ name: StaticString, _ value: String) throws {
        let isPlain = value.utf8.allSatisfy { $0 >= 0x20 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }
        guard isPlain else { return try addEncoded(name, value) }
        key(name)
        quote()
        bytes += value.utf8
        quote()
    }

    /// Existing JSON, verbatim.
    mutating func add(_ name: StaticString, json: [UInt8]) {
        key(name)
        bytes += json
    }

    /// Anything else, such as text from people, through the encoder.
    public mutating func addEncoded(_ name: StaticString, _ value: some Encodable) throws {
        key(name)
        bytes += try WireJSON.encode(value)
    }

    public mutating func addNull(_ name: StaticString) {
        key(name)
        bytes += "null".utf8
    }

    private mutating func key(_ name: StaticString) {
        if bytes.count > 1 { bytes.append(UInt8(ascii: ",")) }
        quote()
        name.withUTF8Buffer { bytes += $0 }
        quote()
        bytes.append(UInt8(ascii: ":"))
    }

    private mutating func quote() { bytes.append(UInt8(ascii: "\"")) }
}

extension RegistrationData: JSONWritable {
    public func write(to object: inout JSONObject) {
        object.add("capacity", capacity)
        object.add("confirmed", confirmed)
        object.add("eventId", eventId)
        if let position { object.add("position", position) }
        object.add("registrationId", registrationId)
        object.add("revision", revision)
        object.add("status", status)
        object.add("userId", userId)
        object.add("waitlisted", waitlisted)
    }
}
