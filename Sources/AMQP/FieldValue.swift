public import FoundationEssentials

/// A value of a message header or of a declaration's argument.
public enum FieldValue: Sendable, Equatable {
    case string(String)
    case int(Int)
    case bool(Bool)
    case double(Double)
    /// Whole seconds on the wire.
    case timestamp(Date)
    case bytes([UInt8])
    case table([String: FieldValue])
    case array([FieldValue])
    case null

    /// The text of a `.string`.
    public var stringValue: String? { if case .string(let text) = self { text } else { nil } }
    /// The number of an `.int`.
    public var intValue: Int? { if case .int(let number) = self { number } else { nil } }
}

extension FieldValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral {
    public init(stringLiteral value: String) { self = .string(value) }
    public init(integerLiteral value: Int) { self = .int(value) }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
}
