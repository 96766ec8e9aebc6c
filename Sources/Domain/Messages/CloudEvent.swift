public import FoundationEssentials

/// A message on the broker: a CloudEvents 1.0 document in structured JSON mode, with the extensions `sequence` and
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
    /// Increases by one per subject, without gaps; only facts have one.
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

    /// Decodes `data` as the payload of a type.
    public func payload<Payload: Decodable>(_ type: Payload.Type) throws -> Payload {
        try WireJSON.decode(type, from: data)
    }

    /// All members but `data`.
    private struct Envelope: Codable {
        var specversion: String
        var datacontenttype: String?
        var id: MessageID
        var source: String
        var type: String
        var subject: String?
        var time: Date
        var sequence: String?
        var traceparent: String?
    }

    /// The document, its members in the order of their names except `data`, which is already JSON and inserted
    /// verbatim.
    ///
    /// Hand-written, because every message in a rush passes through here: the encoder takes longer than the broker.
    public func encoded() throws -> [UInt8] {
        let envelope = Envelope(
            specversion: "1.0", datacontenttype: "application/json", id: id, source: Self.source, type: type,
            subject: subject, time: time, sequence: sequence.map { String($0) }, traceparent: traceparent)
        var document = try WireJSON.encode(envelope)
        document.removeLast()  // the brace
        document += #","data":"#.utf8
        document += data
        document.append(UInt8(ascii: "}"))
        return document
    }

    public init(decoding bytes: [UInt8]) throws {
        let envelope = try WireJSON.decode(Envelope.self, from: bytes)
        guard envelope.specversion == "1.0" || envelope.specversion.hasPrefix("1.") else {
            throw CloudEventError.unknownVersion(envelope.specversion)
        }
        guard let data = try JSONDocument(bytes).root.members?["data"]?.source else { throw CloudEventError.noData }
        self.init(
            id: envelope.id, type: envelope.type, subject: envelope.subject, time: envelope.time,
            sequence: envelope.sequence.flatMap { Int($0) }, traceparent: envelope.traceparent, data: data)
    }
}

public enum CloudEventError: Error, Sendable {
    case unknownVersion(String)
    /// The member `data` is missing.
    case noData
}
