public import AMQP
public import Domain
public import FoundationEssentials
public import Logging
public import Persistence

/// The parking queues, in an operator's hands: look, send back to work, throw away.
///
/// One look at a time, over all services: whatever is being looked at is out of everybody else's sight. The messages stay
/// in their queues; looking hands them back in their order.
public struct ParkedMessages: Sendable {
    private let broker: BrokerAddress
    private let publisher: Publisher
    private let store: DeadLetterStore
    private let queues: [WorkerQueue]
    private let logger: Logger

    /// Of each queue the oldest so many are in sight; what is behind them comes up as they go.
    public static let sight = 500
    private static let timeout = Duration.seconds(5)

    /// - Parameter publisher: stays the caller's.
    public init(
        broker: BrokerAddress, publisher: Publisher, store: DeadLetterStore, queues: [WorkerQueue] = WorkerQueue.all,
        logger: Logger
    ) {
        self.broker = broker
        self.publisher = publisher
        self.store = store
        self.queues = queues
        self.logger = logger
    }

    /// The dead letters in sight, queue by queue, the oldest first, and how many there are in all.
    public func list(in name: String? = nil) async throws -> (letters: [DeadLetter], total: Int) {
        try await store.alone { _ in
            var letters: [DeadLetter] = []
            var total = 0
            for queue in queues where name == nil || queue.name == name {
                let count = try await publisher.queueStatus(queue.parked).messages
                total += count
                guard count > 0 else { continue }
                try await look(into: queue, count) { delivery in
                    letters.append(DeadLetter(delivery.message, in: queue))
                    return false
                }
            }
            return (letters, total)
        }
    }

    /// Sends a dead letter back to its worker, under its id and with all its attempts to come.
    ///
    /// It is in the worker's queue before it leaves the parking queue: should this process die in between it is in both,
    /// and its inbox row makes it happen once. Done before, and not parked again since, nothing happens.
    /// - Returns: false when there is no such letter and never was.
    public func replay(_ id: UUID, by actor: UserID?) async throws -> Bool {
        try await take(id, .replay, by: actor) { letter in try await publisher.publish(letter.replayed()) }
    }

    /// Throws a dead letter away. Done before, nothing happens.
    /// - Returns: false when there is no such letter and never was.
    public func discard(_ id: UUID, by actor: UserID?) async throws -> Bool {
        try await take(id, .discard, by: actor) { _ in }
    }

    private func take(
        _ id: UUID, _ action: DeadLetterStore.Action, by actor: UserID?,
        _ body: @escaping @Sendable (DeadLetter) async throws -> Void
    ) async throws -> Bool {
        try await store.alone { session in
            for queue in queues {
                let count = try await publisher.queueStatus(queue.parked).messages
                guard count > 0 else { continue }
                var isTaken = false
                try await look(into: queue, count) { delivery in
                    let letter = DeadLetter(delivery.message, in: queue)
                    guard letter.id == id else { return false }
                    // The same message may be parked twice, by a worker that died in between.
                    if !isTaken {
                        try await body(letter)
                        try await store.record(
                            action, letter: id, messageID: letter.messageID, queue: queue.name, by: actor, on: session)
                        isTaken = true
                    }
                    try await delivery.ack()
                    return true
                }
                if isTaken {
                    logger.notice(
                        "parked message taken",
                        metadata: ["action": "\(action.rawValue)", "dead_letter_id": "\(id)", "queue": "\(queue.name)"])
                    return true
                }
            }
            return try await store.wasTaken(id, action, on: session)
        }
    }

    /// Shows `body` the messages of a parking queue, at most as many as are in sight, and hands back what it leaves.
    /// - Parameter body: returns whether it took the message off the queue.
    private func look(
        into queue: WorkerQueue, _ count: Int, _ body: (Delivery) async throws -> Bool
    ) async throws {
        let wanted = min(count, Self.sight)
        var taken = 0
        let consumer = Consumer(
            broker, name: "\(queue.parked).look", queue: queue.parked, prefetch: wanted, logger: logger)
        do {
            taken = try await withThrowingTaskGroup(of: Void.self) { group in
                // Fewer may come than were counted: another program may have them in hand.
                group.addTask {
                    try await Task.sleep(for: Self.timeout)
                    await consumer.stopTaking()
                }
                var (seen, taken) = (0, 0)
                for await delivery in consumer.deliveries {
                    if try await body(delivery) { taken += 1 }
                    seen += 1
                    if seen == wanted { break }
                }
                group.cancelAll()
                return taken
            }
        } catch {
            await consumer.close()
            throw error
        }
        await consumer.close()
        // The broker counts again what was in our hands: the next look finds it.
        for _ in 0..<50 where try await publisher.queueStatus(queue.parked).messages < count - taken {
            try await Task.sleep(for: .milliseconds(20))
        }
    }
}
