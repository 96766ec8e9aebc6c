public import AMQP
public import Domain
public import Persistence

/// The queues of subscriptions, at the broker: each bounded, fed by its patterns, and read by one outside program.
///
/// A full queue loses its oldest messages, so that a reader who never comes costs a fixed amount; whoever reads finds the
/// gap by `sequence` and what is missing in the event log.
public struct SubscriptionQueues: Sendable {
    public static let maximumLength = 100_000

    private let publisher: Publisher
    private let names: BrokerNames

    /// - Parameter publisher: stays the caller's.
    public init(publisher: Publisher, names: BrokerNames = .emConnect) {
        self.publisher = publisher
        self.names = names
    }

    public var isBrokerHere: Bool { publisher.state == .connected }

    public static func name(of id: SubscriptionID) -> String { "em.subscription.\(id)" }

    /// Has the broker keep a queue as it shall be: made and bound, made and unbound, or gone. Done twice it is done once.
    /// - Parameter before: as this process may have declared it; what `queue` doesn't name any more is unbound.
    public func settle(_ queue: SubscribedQueue, after before: SubscribedQueue? = nil) async throws(BrokerError) {
        let topology = Self.topology(queue, names)
        var former = queue
        former.types = queue.formerTypes + (before?.types ?? [])
        let stale = Self.topology(former, names).bindings.filter { !topology.bindings.contains($0) }
        switch queue.status {
        case .fed:
            try await publisher.declare(topology)
            try await publisher.unbind(stale)
        case .kept:
            try await publisher.declare(Topology(queues: topology.queues))
            try await publisher.unbind(topology.bindings + stale)
        case .withheld, .ended:
            try await remove(queue.id)
        }
    }

    /// Removes the queue with all that is in it; its readers are told.
    public func remove(_ id: SubscriptionID) async throws(BrokerError) {
        try await publisher.delete(queue: names.prefix + Self.name(of: id))
    }

    /// Puts messages into one queue, once more, in order.
    /// - Parameter owner: the organizer whom they concern.
    public func replay(_ messages: [CloudEvent], owner: UserID, to id: SubscriptionID) async throws {
        // The default exchange: by the queue's name, and to nobody else.
        let copies = try messages.map {
            try AMQP.Message(
                $0, owner: owner, exchange: "", routingKey: names.prefix + Self.name(of: id), mandatory: true)
        }
        for outcome in await publisher.publish(copies) { try outcome.get() }
    }

    /// Has these declared whenever the relay connects anew: a broker that lost everything gets them back before the
    /// first message.
    public func declareOnConnect(_ queues: [SubscribedQueue]) {
        publisher.declareOnConnect(queues.filter { $0.status == .fed }.map { Self.topology($0, names) })
    }

    static func topology(_ queue: SubscribedQueue, _ names: BrokerNames) -> Topology {
        let name = names.prefix + Self.name(of: queue.id)
        return Topology(
            queues: [
                Queue(
                    name: name,
                    arguments: [
                        "x-queue-type": "quorum", "x-max-length": .int(maximumLength), "x-overflow": "drop-head",
                        // A reader that dies often loses nothing: RabbitMQ 4 drops at the 20th time unless told
                        // otherwise, and RabbitMQ 3.10 knows no word for "never".
                        "x-delivery-limit": 1_000_000,
                        // One reader at a time: another one, or the same one restarted, would be handed later messages
                        // while the broker still counts earlier ones as in the first one's hands.
                        "x-single-active-consumer": true,
                    ])
            ],
            bindings: queue.types.map { pattern in
                switch queue.scope {
                case .all:
                    Binding(source: names.events, destination: .queue(name), routingKey: pattern.routingKey)
                case .own:
                    Binding(
                        source: names.scoped, destination: .queue(name), routingKey: "",
                        arguments: pattern.headers(of: queue.owner))
                }
            })
    }
}

extension MessagePattern {
    /// For a topic exchange.
    var routingKey: String { kind == .every ? "#" : description }

    /// For a headers exchange: what a message must carry, of the headers that the relay gives it.
    func headers(of owner: UserID) -> [String: FieldValue] {
        var wanted: [String: FieldValue] = ["x-match": "all", Header.owner: .string(owner.description)]
        switch kind {
        case .every: break
        case .family(let family): wanted[Header.family] = .string(family)
        case .one(let type): wanted[Header.type] = .string(type.rawValue)
        }
        return wanted
    }
}
