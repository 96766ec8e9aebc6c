public import FoundationEssentials

/// What travels on the broker: a CloudEvents 1.0 document in structured JSON mode, with the extensions `sequence` and
/// `traceparent`.
public struct CloudEvent: Hashable, Sendable {
    public static let source = "/em-connect"
    public static let contentType = "application/cloudevents+json"

    /// Stable across redelivery and replay.
    public var id: MessageID
    public var type: String
    /// The event's id.
    public var subject: String?
    public var time: Date
    /// Counts up by one per subject, without gaps; only facts have one.
    public var sequence: Int?
    public var traceparent: String?
    /// The JSON of `data`.
    public var data: [UInt8]

    public init(
        id: MessageID, type: String, subject: String?, time: Date, sequence: Int?, traceparent: String?, data: [UInt8]
    ) {
        self.id = id
        self.type = type
        self.subject = subject
        self.time = time
        self.sequence = sequence
        self.traceparent = traceparent
        self.data = data
    }

    /// Reads `data` as the payload of a type.
    public func payload<Payload: Decodable>(_ type: Payload.Type) throws -> Payload {
        try WireJSON.decode(type, from: data)
    }

    private struct Envelope: Decodable {
        var specversion: String
        var id: MessageID
        var source: String
        var type: String
        var subject: String?
        var time: Date
        var sequence: String?
        var traceparent: String?
    }

    private struct DataMember: Decodable {
        var data: JSONValue
    }

    /// The document, its members in the order of their names but for `data`, which is JSON already and goes in as it is.
    ///
    /// Written by hand, as every message of a crowd comes through here: the encoder takes longer than the broker.
    public func encoded() throws -> [UInt8] {
        var object = JSONObject()
        try object.add("datacontenttype", "application/json")
        object.add("id", id)
        if let sequence { try object.add("sequence", String(sequence)) }
        try object.add("source", Self.source)
        try object.add("specversion", "1.0")
        if let subject { try object.add("subject", subject) }
        object.add("time", time)
        if let traceparent { try object.add("traceparent", traceparent) }
        try object.add("type", type)
        object.add("data", json: data)
        return object.document
    }

    public init(decoding bytes: [UInt8]) throws {
        let envelope = try WireJSON.decode(Envelope.self, from: bytes)
        guard envelope.specversion == "1.0" || envelope.specversion.hasPrefix("1.") else {
            throw CloudEventError.unknownVersion(envelope.specversion)
        }
        // As it is, too; only a key that is written with escapes needs the way through a decoder.
        let data =
            try JSONMember.range(of: "data", in: bytes).map { Array(bytes[$0]) }
            ?? WireJSON.encode(WireJSON.decode(DataMember.self, from: bytes).data)
        self.init(
            id: envelope.id, type: envelope.type, subject: envelope.subject, time: envelope.time,
            sequence: envelope.sequence.flatMap { Int($0) }, traceparent: envelope.traceparent, data: data)
    }
}

public enum CloudEventError: Error, Sendable {
    case unknownVersion(String)
}

/// Any JSON, to carry what this version doesn't know.
public enum JSONValue: Codable, Hashable, Sendable {
    case null
    case bool(Bool)
    case integer(Int)
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Int.self) {
            self = .integer(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([JSONValue].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: JSONValue].self))
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .bool(let value): try container.encode(value)
        case .integer(let value): try container.encode(value)
        case .number(let value): try container.encode(value)
        case .string(let value): try container.encode(value)
        case .array(let value): try container.encode(value)
        case .object(let value): try container.encode(value)
        }
    }
}
