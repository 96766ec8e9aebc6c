import AMQP
import Domain
import Persistence

extension AMQP.Message {
    /// The broker's message for an outbox row; nil for rows that only browsers hear of.
    init?(_ row: OutboxRow, names: BrokerNames, topology: Topology) throws {
        let exchange: String
        switch row.destination {
        case .events: exchange = names.events
        case .work: exchange = names.work
        case .live: return nil
        }
        let event = CloudEvent(
            id: row.messageID, type: row.type, subject: row.eventID?.description, time: row.occurredAt,
            sequence: row.sequence, traceparent: row.traceparent, data: row.data)
        // A fact that none of our workers reads may have no reader at all, and that is no failure. Everything else must
        // arrive somewhere: types that this version doesn't know, too.
        let mayBeUnread =
            row.destination == .events && MessageType(rawValue: row.type) != nil
            && !topology.expects(row.type, at: exchange)
        try self.init(
            event, owner: row.ownerID, exchange: exchange, routingKey: row.type, mandatory: !mayBeUnread)
    }

    /// A message about something, as it goes to the broker.
    /// - Parameter owner: the organizer whom a fact concerns.
    init(_ event: CloudEvent, owner: UserID?, exchange: String, routingKey: String, mandatory: Bool) throws {
        var headers: [String: FieldValue] = [:]
        if let owner {
            headers[Header.owner] = .string(owner.description)
            headers[Header.type] = .string(event.type)
            headers[Header.family] = .string(MessageType.family(of: event.type))
        }
        headers[Header.traceparent] = event.traceparent.map { .string($0) }
        self.init(
            exchange: exchange, routingKey: routingKey, body: try event.encoded(),
            properties: Properties(
                messageID: event.id.description, type: event.type, contentType: CloudEvent.contentType,
                timestamp: event.time, headers: headers),
            mandatory: mandatory)
    }
}
