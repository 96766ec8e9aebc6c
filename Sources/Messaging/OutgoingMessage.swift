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
        var headers: [String: FieldValue] = [:]
        headers[Header.owner] = row.ownerID.map { .string($0.description) }
        headers[Header.traceparent] = row.traceparent.map { .string($0) }
        // A fact that none of our workers reads may have no reader at all, and that is no failure. Everything else must
        // arrive somewhere: types that this version doesn't know, too.
        let mayBeUnread =
            row.destination == .events && MessageType(rawValue: row.type) != nil
            && !topology.expects(row.type, at: exchange)
        self.init(
            exchange: exchange, routingKey: row.type, body: try event.encoded(),
            properties: Properties(
                messageID: row.messageID.description, type: row.type, contentType: CloudEvent.contentType,
                timestamp: row.occurredAt, headers: headers),
            mandatory: !mayBeUnread)
    }
}
