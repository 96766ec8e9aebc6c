import AMQP
import Domain
import Persistence

extension AMQP.Message {
    /// The broker messages for an outbox row; none for one that is only for browsers. A fact goes to each worker that
    /// must have it, by the name of its queue, so that a missing queue returns it; and then to the exchange, for
    /// everyone else, where it may be unroutable.
    static func copies(of row: OutboxRow, names: BrokerNames, topology: Topology) throws -> [AMQP.Message] {
        let exchange: String
        switch row.destination {
        case .events: exchange = names.events
        case .work: exchange = names.work
        case .live: return []
        }
        let event = CloudEvent(
            id: row.messageID, type: row.type, subject: row.eventID?.description, time: row.occurredAt,
            sequence: row.sequence, traceparent: row.traceparent, data: row.data)
        // Types that this version doesn't know must reach some queue.
        let mayBeUnread = row.destination == .events && MessageType(rawValue: row.type) != nil
        let message = try AMQP.Message(
            event, owner: row.ownerID, exchange: exchange, routingKey: row.type, mandatory: !mayBeUnread)
        return topology.carries(row.type, from: exchange).map { message.carried(to: $0) } + [message]
    }

    private func carried(to queue: String) -> AMQP.Message {
        var copy = self
        // The default exchange.
        (copy.exchange, copy.routingKey, copy.mandatory) = ("", queue, true)
        return copy
    }

    /// A message for the broker.
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
