import Domain
import FoundationEssentials
import HTTPTypes
import Hummingbird
import NIOCore
import Persistence

/// A JSON body, field by field, gathering everything that is wrong with it.
///
/// Decoding into a struct would stop at the first mistake; a form wants them all.
struct BodyFields {
    /// Room for the longest event, every character escaped.
    static let maximumLength = 256 * 1024

    private let object: [String: JSONValue]
    /// The body as it came.
    let bytes: [UInt8]
    var validation = Validation()

    init(_ object: [String: JSONValue], bytes: [UInt8] = []) {
        self.object = object
        self.bytes = bytes
    }

    /// Reads the body of a request.
    /// - Throws: `unsupported-media-type`, `payload-too-large`, `malformed-json`.
    init(_ request: Request) async throws {
        if let type = request.headers[.contentType], !Self.isJSON(type) { throw APIProblem.unsupportedMediaType }
        let bytes = Array(try await request.body.collect(upTo: Self.maximumLength).readableBytesView)
        guard let object = Self.object(bytes) else { throw APIProblem.malformedJSON }
        self.init(object, bytes: bytes)
    }

    /// Reads a body that may be missing altogether.
    init(optional request: Request) async throws {
        let bytes = Array(try await request.body.collect(upTo: Self.maximumLength).readableBytesView)
        if bytes.isEmpty {
            self.init([:])
            return
        }
        if let type = request.headers[.contentType], !Self.isJSON(type) { throw APIProblem.unsupportedMediaType }
        guard let object = Self.object(bytes) else { throw APIProblem.malformedJSON }
        self.init(object, bytes: bytes)
    }

    static func object(_ bytes: [UInt8]) -> [String: JSONValue]? {
        // The decoder would read UTF-16 and UTF-32 as well; RFC 8259 §8.1 knows UTF-8 only. The zero bytes of the others
        // are UTF-8 too, but in no JSON.
        guard !bytes.contains(0), String(validating: bytes, as: UTF8.self) != nil else { return nil }
        do {
            return try JSONDecoder().decode([String: JSONValue].self, from: Data(bytes))
        } catch {
            return nil
        }
    }

    /// `application/json`, `application/merge-patch+json`, with any parameters.
    private static func isJSON(_ header: String) -> Bool {
        let type = header.prefix { $0 != ";" }.lowercased().filter { !$0.isWhitespace }
        return type == "application/json" || (type.hasPrefix("application/") && type.hasSuffix("+json"))
    }

    /// Whether the field is there at all; `null` counts.
    func has(_ name: String) -> Bool { object[name] != nil }

    private func value(_ name: String) -> JSONValue? {
        switch object[name] {
        case nil, .null: nil
        case let value: value
        }
    }

    /// A text of so many characters, trimmed. Absent and `null` are the empty text.
    mutating func text(_ name: String, _ length: ClosedRange<Int>, multiline: Bool = false) -> String {
        string(name) { validation, text in validation.text(name, text, length, multiline: multiline) } ?? ""
    }

    mutating func email(_ name: String) -> String {
        string(name) { validation, text in validation.email(name, text) } ?? ""
    }

    mutating func password(_ name: String) -> String {
        string(name) { validation, text in validation.password(name, text) } ?? ""
    }

    /// A text that may be absent; at most `maximum` characters and nothing unprintable.
    mutating func optionalText(_ name: String, maximum: Int) -> String? {
        guard value(name) != nil else { return nil }
        return text(name, 1...maximum)
    }

    /// A text as it was sent, checked elsewhere.
    mutating func rawText(_ name: String) -> String? {
        string(name) { _, text -> String? in text } ?? nil
    }

    /// One of these words; required.
    mutating func choice<Value: RawRepresentable>(_ name: String, of values: [Value]) -> Value?
    where Value.RawValue == String {
        let mistakes = validation.errors.count
        let text = rawText(name)
        if let known = values.first(where: { $0.rawValue == text }) { return known }
        if validation.errors.count > mistakes { return nil }
        validation.fail(name, "must be one of \(values.map(\.rawValue).joined(separator: ", "))")
        return nil
    }

    /// A list of so many objects, each read by `read`; mistakes in them are named `scans[3].code`.
    mutating func objects<Item>(
        _ name: String, _ count: ClosedRange<Int>, _ read: (inout BodyFields) -> Item
    ) -> [Item] {
        guard case .array(let values) = value(name), count.contains(values.count) else {
            validation.fail(name, "must be a list of \(count.lowerBound) to \(count.upperBound)")
            return []
        }
        var items: [Item] = []
        for (number, value) in values.enumerated() {
            guard case .object(let object) = value else {
                validation.fail("\(name)[\(number)]", "must be an object")
                continue
            }
            var fields = BodyFields(object)
            items.append(read(&fields))
            for error in fields.validation.errors {
                validation.fail("\(name)[\(number)].\(error.field)", error.message)
            }
        }
        return items
    }

    /// One of these words, or no such field.
    mutating func optionalChoice<Value: RawRepresentable>(_ name: String, of values: [Value]) -> Value?
    where Value.RawValue == String {
        has(name) ? choice(name, of: values) : nil
    }

    /// A list of at most so many texts, as they were sent.
    mutating func texts(_ name: String, atMost maximum: Int) -> [String] {
        guard case .array(let values) = value(name), values.count <= maximum else {
            validation.fail(name, "must be a list of 0 to \(maximum)")
            return []
        }
        return values.map { if case .string(let text) = $0 { text } else { "" } }
    }

    mutating func int(_ name: String) -> Int? {
        switch value(name) {
        case nil: validation.fail(name, "is required")
        case .integer(let number): return number
        default: validation.fail(name, "must be a whole number")
        }
        return nil
    }

    mutating func bool(_ name: String, default fallback: Bool) -> Bool {
        switch value(name) {
        case nil: return fallback
        case .bool(let flag): return flag
        default:
            validation.fail(name, "must be true or false")
            return fallback
        }
    }

    /// True, false or no such field.
    mutating func optionalBool(_ name: String) -> Bool? {
        guard has(name) else { return nil }
        if value(name) == nil { validation.fail(name, "must be true or false") }
        return bool(name, default: false)
    }

    mutating func date(_ name: String) -> Date? {
        if value(name) == nil { validation.fail(name, "is required") }
        return optionalDate(name)
    }

    mutating func optionalDate(_ name: String) -> Date? {
        switch value(name) {
        case nil: return nil
        case .string(let text):
            if let date = Timestamp.parse(text), EventDetails.possibleTimes.contains(date) { return date }
        default: break
        }
        validation.fail(name, "must be a time such as 2026-05-01T18:00:00Z")
        return nil
    }

    private mutating func string<Result>(_ name: String, _ check: (inout Validation, String?) -> Result) -> Result? {
        switch value(name) {
        case nil: return check(&validation, nil)
        case .string(let text): return check(&validation, text)
        default:
            validation.fail(name, "must be a text")
            return nil
        }
    }
}

/// The query of a request, parameter by parameter.
struct QueryFields {
    private var values: [String: String] = [:]
    var validation = Validation()

    init(_ request: Request) {
        self.init(request.uri.query ?? "")
    }

    init(_ query: String) {
        for pair in query.split(separator: "&").prefix(64) {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = Self.decoded(parts[0]) else { continue }
            guard let value = Self.decoded(parts.count > 1 ? parts[1] : "") else {
                validation.fail(name, "must be UTF-8, percent-encoded")
                continue
            }
            values[name] = value
        }
    }

    /// A text to search for; empty is absent.
    mutating func text(_ name: String, maximum: Int = 200) -> String? {
        guard let value = values[name], !value.isEmpty else { return nil }
        let text = validation.text(name, value, 0...maximum)
        return text.isEmpty ? nil : text
    }

    mutating func date(_ name: String) -> Date? {
        guard let value = values[name], !value.isEmpty else { return nil }
        if let date = Timestamp.parse(value), EventDetails.possibleTimes.contains(date) { return date }
        validation.fail(name, "must be a time such as 2026-05-01T18:00:00Z")
        return nil
    }

    mutating func bool(_ name: String) -> Bool {
        switch values[name] {
        case nil, "false": return false
        case "true": return true
        default:
            validation.fail(name, "must be true or false")
            return false
        }
    }

    mutating func optionalBool(_ name: String) -> Bool? {
        values[name] == nil ? nil : bool(name)
    }

    mutating func id<Subject>(_ name: String, of subject: Subject.Type = Subject.self) -> Identifier<Subject>? {
        guard let value = values[name] else { return nil }
        if let id = Identifier<Subject>(value) { return id }
        validation.fail(name, "must be an id")
        return nil
    }

    mutating func choice<Value: RawRepresentable & CaseIterable>(
        _ name: String, of type: Value.Type = Value.self
    ) -> Value? where Value.RawValue == String {
        guard let value = values[name], !value.isEmpty else { return nil }
        if let known = Value(rawValue: value) { return known }
        validation.fail(name, "must be one of \(Value.allCases.map(\.rawValue).joined(separator: ", "))")
        return nil
    }

    /// `limit`: 1 to 100, 20 when absent.
    mutating func limit() -> Int {
        guard let value = values["limit"] else { return 20 }
        if let number = Int(value), (1...100).contains(number) { return number }
        validation.fail("limit", "must be 1 to 100")
        return 20
    }

    /// The page to go on from.
    /// - Throws: ``APIProblem/badCursor``.
    func cursor(_ kind: CursorKind) throws -> PageKey? {
        try values["cursor"].flatMap { $0.isEmpty ? nil : $0 }.map { try Cursor.decode($0, kind) }
    }

    private static func decoded(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "+"): bytes.append(UInt8(ascii: " "))
            case UInt8(ascii: "%"):
                guard rest.count >= 2, let high = hexDigit(rest.removeFirst()), let low = hexDigit(rest.removeFirst())
                else { return nil }
                bytes.append(high << 4 | low)
            default: bytes.append(byte)
            }
        }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x41 + 10
        case 0x61...0x66: byte - 0x61 + 10
        default: nil
        }
    }
}
