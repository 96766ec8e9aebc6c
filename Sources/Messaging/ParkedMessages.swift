public import AMQP
public import Domain
public import FoundationEssentials
public import Logging
public import Persistence

/// The parking queues, for operators: list, replay, discard.
///
/// One operation at a time, across all services, because browsed messages are invisible to everyone else. The messages
/// stay in their queues; browsing returns them in order.
public struct ParkedMessages: Sendable {
    private let broker: BrokerAddress
    private let publisher: Publisher
    private let store: DeadLetterStore
    private let queues: [WorkerQueue]
    private let logger: Logger

    /// The oldest messages listed per queue; the ones behind them appear as these go.
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

    /// The visible parked messages, by queue, oldest first, and their total number.
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

    /// Returns a parked message to its worker, with its id and a full set of retries.
    ///
    /// It is published to the worker's queue before it leaves the parking queue: if this process dies in between it is
    /// in both, and its inbox row makes it take effect once. Repeating it changes nothing, unless the message was
    /// parked again since.
    /// - Returns: false if there is no such message and never was.
    public func replay(_ id: UUID, by actor: UserID?) async throws -> Bool {
        try await take(id, .replay, by: actor) { letter in try await publisher.publish(letter.replayed()) }
    }

    /// Discards a parked message. Repeating it changes nothing.
    /// - Returns: false if there is no such message and never was.
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
                    // The same message can be parked twice, by a worker that died in between.
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

    /// Passes the visible messages of a parking queue to `body`, and returns the others to it.
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
                // Fewer than counted can arrive: another consumer may hold some.
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
        // Waits until the broker counts the returned messages again, for the next listing.
        for _ in 0..<50 where try await publisher.queueStatus(queue.parked).messages < count - taken {
            try await Task.sleep(for: .milliseconds(20))
        }
    }
}
