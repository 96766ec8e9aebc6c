import AMQP
import Domain
import FoundationEssentials
import Logging
import Messaging
import Persistence
import Postgres
import Redis
import ServiceLifecycle
import TestSupport
import Testing

/// A database, exchanges and queues of a test's own, with a listener that reads every fact.
struct MessagingWorld: Sendable {
    let database: TestWorld
    let broker: Broker
    let names: BrokerNames
    /// Short rungs; reads confirmed and promoted registrations.
    let queue: WorkerQueue
    let topology: Topology
    /// Bound to every fact.
    let tail: String
    let publisher: Publisher

    static func run(_ test: (MessagingWorld) async throws -> Void) async throws {
        let broker = try Broker()
        let names = BrokerNames(prefix: "\(broker.prefix).")
        let queue = WorkerQueue(
            name: "worker", facts: [.registrationConfirmed, .registrationPromoted],
            ladder: RetryLadder(
                [.init("100ms", .milliseconds(100)), .init("200ms", .milliseconds(200))], maximumAttempts: 4),
            names: names)
        var topology = Topology(workers: [queue], names: names)
        let tail = "\(broker.prefix).tail"
        let publisher = broker.publisher(topology: topology)
        do {
            topology.queues.append(Queue(name: tail, arguments: ["x-queue-type": "quorum"]))
            try await publisher.declare(Topology(queues: [topology.queues[topology.queues.count - 1]]))
            try await TestWorld.run { database in
                try await test(
                    MessagingWorld(
                        database: database, broker: broker, names: names, queue: queue,
                        topology: Topology(workers: [queue], names: names), tail: tail, publisher: publisher))
            }
        } catch {
            try await clear(topology, publisher)
            throw error
        }
        try await clear(topology, publisher)
    }

    private static func clear(_ topology: Topology, _ publisher: Publisher) async throws {
        for queue in topology.queues { try await publisher.delete(queue: queue.name) }
        for exchange in topology.exchanges { try await publisher.delete(exchange: exchange.name) }
        await publisher.close()
    }

    /// Has the tail read the facts of a type from now on.
    func listen(to key: String) async throws {
        try await publisher.declare(
            Topology(bindings: [Binding(source: names.events, destination: .queue(tail), routingKey: key)]))
    }

    func relay(through address: BrokerAddress? = nil, redis: RedisClient) -> OutboxRelay {
        OutboxRelay(
            database: database.database, broker: address ?? broker.address, redis: redis, topology: topology,
            workers: [queue], names: names, logger: Broker.quiet)
    }

    func redis(_ url: String = Servers.redis) throws -> RedisClient {
        RedisClient(try RedisAddress(url: url), logger: Broker.quiet)
    }

    /// Runs services for as long as `body` takes, then shuts them down gracefully and waits for them.
    func running(_ services: [any Service], _ body: () async throws -> Void) async throws {
        let group = ServiceGroup(services: services, logger: Broker.quiet)
        async let over: Void = group.run()
        do { try await body() } catch {
            await group.triggerGracefulShutdown()
            try await over
            throw error
        }
        await group.triggerGracefulShutdown()
        try await over
    }

    /// Commits facts of an event, each in a transaction of its own, and returns their ids.
    @discardableResult
    func commit(_ count: Int, of event: EventID, _ type: MessageType = .registrationConfirmed) async throws
        -> [MessageID]
    {
        var ids: [MessageID] = []
        for number in 0..<count {
            let entry = try OutboxEntry.fact(
                type, event: event, owner: UserID(),
                RegistrationData(
                    eventId: event, registrationId: RegistrationID(), userId: UserID(), status: .confirmed,
                    places: Places(revision: number + 1, confirmed: number + 1, waitlisted: 0, capacity: 10_000)))
            try await database.database.transaction { try await OutboxStore().append([entry], on: $0) }
            ids.append(entry.id)
        }
        return ids
    }

    func unpublished() async throws -> Int { try await OutboxStore().backlog(database.database).count }

    func count(_ sql: SQL) async throws -> Int {
        try await database.owner.read(sql).first?.decode("count", as: Int.self) ?? 0
    }
}

/// What an independent listener received, and whether it is what the log says.
struct Received {
    let events: [CloudEvent]

    init(_ deliveries: [Delivery]) throws {
        events = try deliveries.map { try CloudEvent(decoding: $0.message.body) }
    }

    /// Goes on reading until `count` different messages have come, duplicates aside.
    init(_ first: [Delivery], untilDistinct count: Int, from deliveries: Deliveries) async throws {
        var events = try Received(first).events
        var ids = Set(events.map(\.id))
        while ids.count < count {
            let more = try Received(try await deliveries.take(1)).events
            events += more
            ids.formUnion(more.map(\.id))
        }
        self.events = events
    }

    /// The sequences of an event in the order of their first arrival.
    func sequences(of event: EventID) -> [Int] {
        var seen: Set<Int> = []
        return events.filter { $0.subject == event.description }.compactMap(\.sequence)
            .filter { seen.insert($0).inserted }
    }

    var duplicates: Int { events.count - Set(events.map(\.id)).count }
}
