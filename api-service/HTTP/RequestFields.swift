import Domain
import FoundationEssentials
import HTTPTypes
import Hummingbird
import NIOCore

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

    /// A mail address; absent and `null` are none.
    mutating func optionalEmail(_ name: String) -> String? {
        value(name) == nil ? nil : email(name)
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

    /// A list of so many texts, as they were sent.
    mutating func texts(_ name: String, _ count: ClosedRange<Int>) -> [String] {
        guard case .array(let values) = value(name), count.contains(values.count) else {
            validation.fail(name, "must be a list of \(count.lowerBound) to \(count.upperBound)")
            return []
        }
        return values.map { if case .string(let text) = $0 { text } else { "" } }
    }

    /// Some of these words, each once; at least one.
    mutating func choices<Value: RawRepresentable & Hashable>(_ name: String, of values: [Value]) -> [Value]
    where Value.RawValue == String {
        let texts = texts(name, 1...values.count)
        let known = texts.compactMap(Value.init)
        if known.count < texts.count {
            validation.fail(name, "must list some of \(values.map(\.rawValue).joined(separator: ", "))")
        }
        return values.filter(Set(known).contains)
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
