public import AMQP
public import Domain
public import Persistence

/// The queues of subscriptions at the broker: each bounded, bound by its patterns, and consumed by one integrator.
///
/// A full queue drops its oldest messages, so that an absent consumer costs a fixed amount; a consumer finds the gap by
/// `sequence`, and the missing messages in the event log.
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

    /// Brings a queue into its desired state at the broker: created and bound, created and unbound, or deleted.
    /// Idempotent.
    /// - Parameter before: as this process may have declared it; bindings that `queue` no longer names are removed.
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

    /// Deletes the queue with its messages; its consumers are notified.
    public func remove(_ id: SubscriptionID) async throws(BrokerError) {
        try await publisher.delete(queue: names.prefix + Self.name(of: id))
    }

    /// Republishes messages to one queue, in order.
    /// - Parameter owner: the organizer whom they concern.
    public func replay(_ messages: [CloudEvent], owner: UserID, to id: SubscriptionID) async throws {
        // The default exchange: by the queue's name, and to no one else.
        let copies = try messages.map {
            try AMQP.Message(
                $0, owner: owner, exchange: "", routingKey: names.prefix + Self.name(of: id), mandatory: true)
        }
        for outcome in await publisher.publish(copies) { try outcome.get() }
    }

    /// Declares these whenever the relay connects: a broker that lost everything gets them back before the first
    /// message.
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
                        // A consumer that crashes often loses nothing: RabbitMQ 4 drops messages at the 20th delivery
                        // unless set otherwise, and RabbitMQ 3.10 has no value for "never".
                        "x-delivery-limit": 1_000_000,
                        // One active consumer: a second one, or the same one restarted, would get later messages while
                        // the broker still counts earlier ones as in flight at the first.
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

    /// For a headers exchange: which of the relay's headers a message must have.
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
