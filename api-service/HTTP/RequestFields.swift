import Domain
import FoundationEssentials
import HTTPTypes
import Hummingbird
import NIOCore
import UnicodeText

/// The fields of a JSON body, collecting every error.
///
/// Decoding into a struct would stop at the first error; a form needs all of them.
struct BodyFields {
    private let object: [String: JSONElement]
    /// The body as received.
    let bytes: [UInt8]
    var validation = Validation()

    init(_ object: [String: JSONElement], bytes: [UInt8] = []) {
        self.object = object
        self.bytes = bytes
    }

    /// Reads the body of a request.
    /// - Throws: `unsupported-media-type`, `payload-too-large`, `malformed-json`.
    init(_ request: Request, _ context: APIContext) async throws {
        let bytes = try await Self.bytes(request, context)
        guard let object = Self.object(bytes) else { throw APIProblem.malformedJSON }
        self.init(object, bytes: bytes)
    }

    /// Reads a body that can be absent.
    init(optional request: Request, _ context: APIContext) async throws {
        let bytes = try await Self.bytes(request, context)
        guard let object = bytes.isEmpty ? [:] : Self.object(bytes) else { throw APIProblem.malformedJSON }
        self.init(object, bytes: bytes)
    }

    private static func bytes(_ request: Request, _ context: APIContext) async throws -> [UInt8] {
        // A body that declares itself too long need not be read.
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > context.bodyLimit {
            throw APIProblem.payloadTooLarge
        }
        let bytes = Array(try await request.body.collect(upTo: context.bodyLimit).readableBytesView)
        // An empty body is accepted with any type: some clients send one anyway.
        guard bytes.isEmpty || isJSON(request) else { throw APIProblem.unsupportedMediaType }
        return bytes
    }

    static func object(_ bytes: [UInt8]) -> [String: JSONElement]? {
        do { return try JSONDocument(bytes).root.members } catch { return nil }
    }

    /// `application/json`, `application/merge-patch+json`, with any parameters. A type that a form or a script of
    /// another site can send without a preflight (Fetch standard, "CORS-safelisted request-header"), or none, is not
    /// JSON.
    private static func isJSON(_ request: Request) -> Bool {
        guard let header = request.headers[.contentType] else { return false }
        let type = header.prefix { $0 != ";" }.lowercased().filter { !$0.isWhitespace }
        return type == "application/json" || (type.hasPrefix("application/") && type.hasSuffix("+json"))
    }

    /// Whether the field is present; `null` counts.
    func has(_ name: String) -> Bool { object[name] != nil }

    private func value(_ name: String) -> JSONElement? {
        object[name].flatMap { $0.isNull ? nil : $0 }
    }

    /// The elements of a list within a length range; nil if it is not one.
    private func elements(_ name: String, _ count: ClosedRange<Int>) -> [JSONElement]? {
        guard let elements = value(name)?.elements(upTo: count.upperBound + 1), count.contains(elements.count) else {
            return nil
        }
        return elements
    }

    /// A text within a length range, trimmed. Absent and `null` are the empty text.
    mutating func text(_ name: String, _ length: ClosedRange<Int>, multiline: Bool = false) -> String {
        string(name) { validation, text in
            validation.text(name, text.map(UnicodeText.canonical), length, multiline: multiline)
        } ?? ""
    }

    /// An email; its domain in A-labels, whatever script it was typed in.
    mutating func email(_ name: String) -> String {
        string(name) { validation, text in validation.email(name, text.map(Self.asciiAddress)) } ?? ""
    }

    /// An email with its domain in A-labels, without invisible characters around it.
    static func asciiAddress(_ text: String) -> String {
        let visible = UnicodeText.canonical(text).trimmedInvisible
        guard let at = visible.lastIndex(of: "@"), !visible[at...].utf8.allSatisfy({ $0 < 0x80 }),
            let domain = UnicodeText.asciiDomain(String(visible[visible.index(after: at)...]))
        else { return visible }
        return visible[...at] + domain
    }

    /// An email; absent and `null` are none.
    mutating func optionalEmail(_ name: String) -> String? {
        value(name) == nil ? nil : email(name)
    }

    mutating func password(_ name: String) -> String {
        string(name) { validation, text in validation.password(name, text) } ?? ""
    }

    /// An optional text; at most `maximum` characters and nothing unprintable.
    mutating func optionalText(_ name: String, maximum: Int) -> String? {
        guard value(name) != nil else { return nil }
        return text(name, 1...maximum)
    }

    /// A text that is validated elsewhere.
    mutating func rawText(_ name: String) -> String? {
        string(name) { _, text -> String? in text.map(UnicodeText.canonical) } ?? nil
    }

    /// A password for comparison: as sent, byte for byte.
    mutating func secretText(_ name: String) -> String? {
        string(name) { _, text -> String? in text } ?? nil
    }

    /// One of these values; required.
    mutating func choice<Value: RawRepresentable>(_ name: String, of values: [Value]) -> Value?
    where Value.RawValue == String {
        let mistakes = validation.errors.count
        let text = rawText(name)
        if let known = values.first(where: { $0.rawValue == text }) { return known }
        if validation.errors.count > mistakes { return nil }
        validation.fail(name, .unknownValue(values.map(\.rawValue)))
        return nil
    }

    /// A list of objects within a length range, each parsed by `read`; their errors are named `scans[3].code`.
    mutating func objects<Item>(
        _ name: String, _ count: ClosedRange<Int>, _ read: (inout BodyFields) -> Item
    ) -> [Item] {
        guard let values = elements(name, count) else {
            validation.fail(name, .notAList(count))
            return []
        }
        var items: [Item] = []
        for (number, value) in values.enumerated() {
            guard let object = value.members else {
                validation.fail("\(name)[\(number)]", .notAnObject)
                continue
            }
            var fields = BodyFields(object)
            items.append(read(&fields))
            for error in fields.validation.errors {
                validation.fail("\(name)[\(number)].\(error.field)", error.violation)
            }
        }
        return items
    }

    /// One of these values, or absent.
    mutating func optionalChoice<Value: RawRepresentable>(_ name: String, of values: [Value]) -> Value?
    where Value.RawValue == String {
        has(name) ? choice(name, of: values) : nil
    }

    /// A list of texts within a length range, as sent.
    mutating func texts(_ name: String, _ count: ClosedRange<Int>) -> [String] {
        guard let values = elements(name, count) else {
            validation.fail(name, .notAList(count))
            return []
        }
        return values.map { $0.string ?? "" }
    }

    /// Some of these values, each once; at least one.
    mutating func choices<Value: RawRepresentable & Hashable>(_ name: String, of values: [Value]) -> [Value]
    where Value.RawValue == String {
        let texts = texts(name, 1...values.count)
        let known = texts.compactMap(Value.init)
        if known.count < texts.count {
            validation.fail(name, .unknownValue(values.map(\.rawValue)))
        }
        return values.filter(Set(known).contains)
    }

    mutating func int(_ name: String) -> Int? {
        guard let value = value(name) else {
            validation.fail(name, .required)
            return nil
        }
        if let number = value.integer { return number }
        validation.fail(name, .notAnInteger)
        return nil
    }

    mutating func bool(_ name: String, default fallback: Bool) -> Bool {
        guard let value = value(name) else { return fallback }
        if let flag = value.bool { return flag }
        validation.fail(name, .notABoolean)
        return fallback
    }

    /// True, false or absent.
    mutating func optionalBool(_ name: String) -> Bool? {
        guard has(name) else { return nil }
        if value(name) == nil { validation.fail(name, .notABoolean) }
        return bool(name, default: false)
    }

    mutating func date(_ name: String) -> Date? {
        if value(name) == nil { validation.fail(name, .required) }
        return optionalDate(name)
    }

    mutating func optionalDate(_ name: String) -> Date? {
        guard let value = value(name) else { return nil }
        if let date = value.string.flatMap({ Timestamp.parse($0) }), EventDetails.possibleTimes.contains(date) {
            return date
        }
        validation.fail(name, .notADateTime())
        return nil
    }

    private mutating func string<Result>(_ name: String, _ check: (inout Validation, String?) -> Result) -> Result? {
        guard let value = value(name) else { return check(&validation, nil) }
        if let text = value.string { return check(&validation, text) }
        validation.fail(name, .notAString)
        return nil
    }
}

extension DomainError {
    /// The field `email` names an address without an account.
    static let unknownAddress = DomainError.validationFailed([
        FieldError(field: "email", .unknownAccount)
    ])
}
