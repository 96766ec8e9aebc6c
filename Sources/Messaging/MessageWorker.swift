public import AMQP
import CoreMetrics
import Domain
import FoundationEssentials
public import Logging
public import Persistence
import FailPoints
public import ServiceLifecycle

/// A worker for the messages of one queue, `concurrency` at a time, with a given `prefetch`.
///
/// Each message ends in exactly one of: acked after its handler returned `done`; published to a delay queue or the
/// parking queue, confirmed there, and then acked; returned to the broker. While the database is unreachable, the
/// worker pauses with the message in flight and counts no attempt.
///
/// A message that is redelivered unsettled was in flight when a worker died, and may have killed it. From then on its
/// starts are counted before it is handled: the third and fourth time it is handled alone, so that no other message is
/// blamed, and then it is parked.
///
/// With a ``Batch``, messages that have already arrived are handled together; none waits for others. Redelivered
/// messages, failed ones and those that a batch leaves over are handled one by one.
///
/// On graceful shutdown it accepts no more messages, finishes those in flight, and returns the rest.
public final class MessageWorker: Service, CustomStringConvertible {
    public typealias Handler = @Sendable (ReceivedMessage) async throws -> Disposition

    private let queue: WorkerQueue
    let consumer: Consumer
    private let publisher: Publisher
    private let concurrency: Int
    let batch: Batch?
    private let handler: Handler
    private let suspects: SuspectStore?
    let logger: Logger
    let metrics: WorkerMetrics

    /// Starts of a redelivered message, including the current one, from which it is handled alone.
    static let aloneFrom = 3
    /// Maximum number of starts; then it is parked. Well below the queue's delivery limit, which counts other messages'
    /// failures too.
    static let maximumStarts = 4

    /// Connects in the background at once; consumes once `run` is called.
    /// - Parameters:
    ///   - suspects: where starts are counted; without it, only the queue's delivery limit stops a message that kills
    ///     its worker.
    ///   - handler: must be idempotent (a message can be redelivered), ideally by an inbox row in its transaction. Runs
    ///     with `TraceContext.current` set from the message.
    public init(
        _ queue: WorkerQueue, broker: BrokerAddress, topology: Topology = .emConnect, suspects: SuspectStore? = nil,
        prefetch: Int = 32, concurrency: Int = 8, logger: Logger, batch: Batch? = nil, handler: @escaping Handler
    ) {
        precondition(concurrency > 0 && prefetch >= concurrency)
        self.queue = queue
        self.concurrency = concurrency
        self.batch = batch
        self.handler = handler
        self.suspects = suspects
        var logger = logger
        logger[metadataKey: "queue"] = "\(queue.name)"
        self.logger = logger
        metrics = WorkerMetrics(queue: queue.name)
        // Publishing and consuming never share a connection.
        publisher = Publisher(broker, name: "\(queue.name).failures", topology: topology, logger: logger)
        consumer = Consumer(
            broker, name: queue.name, queue: queue.name, prefetch: prefetch, topology: topology, logger: logger)
    }

    public var description: String { "MessageWorker(\(queue.name))" }

    /// Whether, as far as is known, the worker is consuming and can republish what fails.
    public var isConnected: Bool {
        consumer.isConsuming && (publisher.state == .connected || publisher.state == .blocked)
    }

    public func run() async throws {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { [consumer] in
                // Throws if the readers finish first: then there is nothing to stop.
                do { try await gracefulShutdown() } catch { return }
                await consumer.stopTaking()
            }
            await withTaskGroup(of: Void.self) { readers in
                for _ in 0..<concurrency {
                    readers.addTask { for await delivery in self.consumer.deliveries { await self.take(delivery) } }
                }
            }
            group.cancelAll()
        }
        await consumer.close()
        await publisher.close()
    }

    func process(_ delivery: Delivery) async {
        let started = ContinuousClock.now
        let arrival = Date()
        let message: ReceivedMessage
        do {
            message = try ReceivedMessage(delivery, arrival: arrival)
        } catch {
            // Future minor versions are accepted as they are; another major version is not ours.
            let reason = error is CloudEventError ? "unknown-version" : "undecodable"
            await settle(delivery, .park(reason: reason), arrival: arrival, logger: logger)
            metrics.count("undecodable", since: started)
            return
        }
        var logger = logger
        logger[metadataKey: "message_id"] = "\(message.event.id)"
        logger[metadataKey: "type"] = "\(message.event.type)"
        await TraceContext.$current.withValue(message.trace) {
            if FailPoint.mutates(.ackBeforeCommit) { await settle(delivery, .ack, arrival: arrival, logger: logger) }
            let disposition = await handle(message, logger: logger)
            FailPoint.point("worker.handled")
            await acquit(message, logger: logger)
            await settle(delivery, disposition, arrival: arrival, logger: logger)
            metrics.count(disposition?.label ?? "handed-back", since: started)
            record(message, disposition?.label ?? "handed-back", since: started)
        }
    }

    func record(_ message: ReceivedMessage, _ disposition: String, since started: ContinuousClock.Instant) {
        Spans.record(
            "process \(queue.name)", .consumer, message.trace, lasting: started.duration(to: .now),
            hasFailed: disposition == "retry" || disposition == "reject",
            [
                ("messaging.system", "rabbitmq"), ("messaging.operation.type", "process"),
                ("messaging.destination.name", queue.name), ("messaging.message.id", message.event.id.description),
                ("em.message.type", message.event.type), ("em.outcome", disposition),
            ])
    }

    /// The disposition; nil if the message is to be returned to the broker.
    private func handle(_ message: ReceivedMessage, logger: Logger) async -> Disposition? {
        var isAlone = false
        if message.redelivered, let suspects {
            let id = message.event.id
            let starts = await patiently(logger) { try await suspects.noteStart(of: id, consumer: queue.name) }
            switch starts {
            case .failed(let error, let disposition): return failed(message, error, disposition, logger)
            case .release: return nil
            case .value(let starts) where starts > Self.maximumStarts: return .park(reason: "kills-worker")
            case .value(let starts):
                isAlone = starts >= Self.aloneFrom
                if isAlone { logger.warning("message handled alone", metadata: ["starts": "\(starts)"]) }
            }
        }
        return await SoloGate.process.pass(alone: isAlone) {
            FailPoint.point("worker.handling", about: message.event.id.description)
            return switch await patiently(logger, { try await handler(message) }) {
            case .value(let disposition): disposition
            case .failed(let error, let disposition): failed(message, error, disposition, logger)
            case .release: nil
            }
        }
    }

    private func failed(
        _ message: ReceivedMessage, _ error: any Error, _ disposition: Disposition, _ logger: Logger
    ) -> Disposition {
        logger.error("handler failed", metadata: ["error": "\(error)", "attempt": "\(message.attempt)"])
        return disposition
    }

    enum Tried<Value: Sendable>: Sendable {
        case value(Value)
        case failed(any Error, Disposition)
        /// The worker stops.
        case release
    }

    /// Runs `body`, and repeats it while a dependency of every message is unreachable.
    func patiently<Value: Sendable>(
        _ logger: Logger, _ body: () async throws -> Value
    ) async -> Tried<Value> {
        var backOff = BackOff()
        while true {
            do {
                return .value(try await body())
            } catch {
                switch HandlerFailure(error) {
                case .disposition(let disposition): return .failed(error, disposition)
                case .release: return .release
                case .dependencyUnreachable(let reason):
                    if backOff.isFresh {
                        logger.warning("worker paused", metadata: ["reason": "\(reason)", "error": "\(error)"])
                    }
                    metrics.waits.increment()
                    guard await backOff.wait() else { return .release }
                }
            }
        }
    }

    /// Resets the message's start counter: whatever its outcome, it did not kill this process.
    private func acquit(_ message: ReceivedMessage, logger: Logger) async {
        guard message.redelivered, let suspects else { return }
        do {
            try await suspects.clear(message.event.id, consumer: queue.name)
        } catch {
            // The row is pruned eventually; until then it only makes the message a suspect earlier.
            logger.info("start counter not reset", metadata: ["error": "\(error)"])
        }
    }

    /// Publishes the message to its next queue, if it has one, and only then acks it.
    func settle(_ delivery: Delivery, _ disposition: Disposition?, arrival: Date, logger: Logger) async {
        let failed = FailedMessage(queue: queue, delivery: delivery, arrival: arrival, now: Date())
        do throws(BrokerError) {
            switch disposition {
            case .ack: try await delivery.ack()
            case nil: try await delivery.reject(requeue: true)
            case .retry(let delay, let reason):
                let (message, isParked) = failed.retried(after: delay, reason: reason)
                if isParked { parked(delivery, reason, logger) }
                try await move(delivery, to: message, logger: logger)
            case .postpone(let reason): try await move(delivery, to: failed.postponed(reason: reason), logger: logger)
            case .park(let reason):
                parked(delivery, reason, logger)
                try await move(delivery, to: failed.parked(reason: reason), logger: logger)
            }
        } catch {
            // The broker redelivers it: its effect is in the inbox, or has not happened.
            logger.info("message not settled", metadata: ["error": "\(error)"])
        }
    }

    private func parked(_ delivery: Delivery, _ reason: String, _ logger: Logger) {
        metrics.parked.increment()
        logger.error("message parked", metadata: ["reason": "\(reason)", "attempt": "\(delivery.attempt)"])
    }

    /// Publishes, waits for the confirm, acks. While publishing fails, the message stays in flight; if the worker stops
    /// meanwhile, it is returned.
    private func move(_ delivery: Delivery, to message: AMQP.Message, logger: Logger) async throws(BrokerError) {
        var backOff = BackOff()
        while true {
            do throws(BrokerError) {
                try await publisher.publish(message)
                break
            } catch {
                if backOff.isFresh {
                    logger.warning("failed message not published yet", metadata: ["error": "\(error)"])
                }
                guard await backOff.wait() else { return try await delivery.reject(requeue: true) }
            }
        }
        FailPoint.point("worker.moved")
        try await delivery.ack()
    }
}

extension Disposition {
    /// For metrics.
    fileprivate var label: String {
        switch self {
        case .ack: "done"
        case .retry: "retry"
        case .postpone: "postponed"
        case .park: "reject"
        }
    }
}
