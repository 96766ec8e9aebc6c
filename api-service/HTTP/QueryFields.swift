import Domain
import FoundationEssentials
import Hummingbird
import Persistence
import UnicodeText

/// The query parameters of a request.
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
                validation.fail(name, .notPercentEncoded)
                continue
            }
            values[name] = value
        }
    }

    /// A value as sent.
    func raw(_ name: String) -> String? { values[name] }

    /// A search text; empty is absent.
    mutating func text(_ name: String, maximum: Int = 200) -> String? {
        guard let value = values[name], !value.isEmpty else { return nil }
        let text = validation.text(name, UnicodeText.canonical(value), 0...maximum)
        return text.isEmpty ? nil : text
    }

    mutating func date(_ name: String) -> Date? {
        guard let value = values[name], !value.isEmpty else { return nil }
        if let date = Timestamp.parse(value), EventDetails.possibleTimes.contains(date) { return date }
        // `2026-05-01T18:00:00+02:00` unescaped: in a query, a plus is a space.
        let hasLostPlus = Timestamp.parse(value.replacing(" ", with: "+")) != nil
        validation.fail(name, .notADateTime(hasLostPlus: hasLostPlus))
        return nil
    }

    mutating func bool(_ name: String) -> Bool {
        switch values[name] {
        case nil, "false": return false
        case "true": return true
        default:
            validation.fail(name, .notABoolean)
            return false
        }
    }

    mutating func optionalBool(_ name: String) -> Bool? {
        values[name] == nil ? nil : bool(name)
    }

    mutating func id<Subject>(_ name: String, of subject: Subject.Type = Subject.self) -> Identifier<Subject>? {
        guard let value = values[name] else { return nil }
        if let id = Identifier<Subject>(value) { return id }
        validation.fail(name, .notAUUID)
        return nil
    }

    mutating func requiredID<Subject>(_ name: String, of subject: Subject.Type = Subject.self) -> Identifier<Subject>? {
        if values[name] == nil { validation.fail(name, .required) }
        return id(name)
    }

    /// The number of a message within its event; 0, before the first, if absent.
    mutating func sequence(_ name: String) -> Int {
        guard let value = values[name] else { return 0 }
        if let number = Int(value), number >= 0, number < .max { return number }
        validation.fail(name, .notASequence)
        return 0
    }

    mutating func choice<Value: RawRepresentable & CaseIterable>(
        _ name: String, of type: Value.Type = Value.self
    ) -> Value? where Value.RawValue == String {
        guard let value = values[name], !value.isEmpty else { return nil }
        if let known = Value(rawValue: value) { return known }
        validation.fail(name, .unknownValue(Value.allCases.map(\.rawValue)))
        return nil
    }

    /// `limit`, or the default.
    mutating func limit(_ range: ClosedRange<Int> = 1...100, default usual: Int = 20) -> Int {
        guard let value = values["limit"] else { return usual }
        if let number = Int(value), range.contains(number) { return number }
        validation.fail("limit", .outOfRange(range))
        return usual
    }

    /// The page to continue from.
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
