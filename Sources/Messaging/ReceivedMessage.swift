import AMQP
public import Domain
public import FoundationEssentials

/// A message as a worker's handler sees it.
public struct ReceivedMessage: Sendable {
    public let event: CloudEvent
    /// Counts from 1, by the message's own header: the broker's counters mean different things in different versions.
    public let attempt: Int
    /// When a worker first received it.
    public let firstSeen: Date
    /// Whether it may have been in flight before without the attempt being counted, because its worker died.
    public let redelivered: Bool
    /// The organizer whom a fact concerns, by the message's header.
    public let owner: UserID?
    /// This hop of the message's trace; a new one if it has none.
    public let trace: TraceContext

    public init(event: CloudEvent, attempt: Int, firstSeen: Date, redelivered: Bool, owner: UserID? = nil) {
        self.event = event
        self.attempt = attempt
        self.firstSeen = firstSeen
        self.redelivered = redelivered
        self.owner = owner
        trace = event.traceparent.flatMap(TraceContext.init(traceparent:))?.child() ?? TraceContext()
    }
}

/// The headers alongside the CloudEvent.
enum Header {
    /// The organizer's id, for `em.scoped`.
    static let owner = "owner"
    static let traceparent = "traceparent"
    /// The type again, and its family, `em.ticket` for `em.ticket.issued`: for `em.scoped`, which has no routing keys.
    static let type = "type"
    static let family = "kind"
    /// How often the message was tried, including the current attempt. Absent on the first one.
    static let attempt = "em-attempt"
    /// RFC 3339.
    static let firstSeen = "em-first-seen"
    /// Why the last attempt failed: a slug.
    static let lastFailure = "em-last-failure"
    static let lastFailureAt = "em-last-failure-at"
    /// Why a message is parked: a slug.
    static let reason = "em-reason"
    /// How often an operator replayed it.
    static let replays = "em-replays"
}

extension ReceivedMessage {
    init(_ delivery: Delivery, arrival: Date) throws {
        let headers = delivery.message.properties.headers
        self.init(
            event: try CloudEvent(decoding: delivery.message.body), attempt: delivery.attempt,
            firstSeen: headers[Header.firstSeen]?.stringValue.flatMap(Timestamp.parse) ?? arrival,
            redelivered: delivery.redelivered, owner: headers[Header.owner]?.stringValue.flatMap { UserID($0) })
    }
}

extension Delivery {
    /// Independent of the body: undecodable messages have an attempt too.
    var attempt: Int { max(1, message.properties.headers[Header.attempt]?.intValue ?? 1) }
}
