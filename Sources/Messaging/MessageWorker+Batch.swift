import AMQP
public import Domain
import FailPoints
import FoundationEssentials
import Logging

extension MessageWorker {
    /// How several messages are handled for the cost of one.
    public struct Batch: Sendable {
        /// Handles all of the messages, or none if it throws; returns the ids of those that are done. The others, all
        /// of them after an error, are left to the ``Handler``.
        public typealias Handler = @Sendable ([ReceivedMessage]) async throws -> Set<MessageID>

        let maximum: Int
        let handler: Handler

        /// - Parameter handler: as idempotent as the single one. Each message carries its own `trace`.
        public init(atMost maximum: Int, handler: @escaping Handler) {
            precondition(maximum > 1)
            self.maximum = maximum
            self.handler = handler
        }
    }

    func take(_ first: Delivery) async {
        let company = batch.map { consumer.deliveries.waiting(atMost: $0.maximum - 1) } ?? []
        var rest = [first] + company
        if let batch, !company.isEmpty { rest = await process(rest, batch) }
        for delivery in rest { await process(delivery) }
    }

    /// Handles together what it can, and returns the rest.
    private func process(_ deliveries: [Delivery], _ batch: Batch) async -> [Delivery] {
        let started = ContinuousClock.now
        let arrival = Date()
        let messages = deliveries.map { delivery -> ReceivedMessage? in
            // It may have killed its worker, or fails every time: other messages must not suffer for it.
            guard !delivery.redelivered, delivery.attempt == 1 else { return nil }
            // Undecodable messages are parked by themselves.
            do { return try ReceivedMessage(delivery, arrival: arrival) } catch { return nil }
        }
        let together = messages.compactMap(\.self)
        guard together.count > 1 else { return deliveries }
        if FailPoint.mutates(.ackBeforeCommit) { await settle(deliveries, .ack, arrival: arrival) }
        let handled = await handle(together, batch)
        var settled: [Delivery] = []
        var rest: [Delivery] = []
        for (delivery, message) in zip(deliveries, messages) {
            let isDone = message.map { handled?.contains($0.event.id) ?? true } ?? false
            if isDone { settled.append(delivery) } else { rest.append(delivery) }
            if isDone, let message { record(message, handled == nil ? "handed-back" : "done", since: started) }
        }
        for _ in settled { FailPoint.point("worker.handled") }
        await settle(settled, handled == nil ? nil : .ack, arrival: arrival)
        for _ in settled { metrics.count(handled == nil ? "handed-back" : "done", since: started) }
        return rest
    }

    /// The ids of those that are done; nil if they are to be returned to the broker.
    private func handle(_ messages: [ReceivedMessage], _ batch: Batch) async -> Set<MessageID>? {
        await SoloGate.process.pass(alone: false) {
            for message in messages { FailPoint.point("worker.handling", about: message.event.id.description) }
            switch await patiently(logger, { try await batch.handler(messages) }) {
            case .value(let done): return done
            case .failed(let error, _):
                logger.warning(
                    "batch failed, handling its messages one by one",
                    metadata: ["error": "\(error)", "count": "\(messages.count)"])
                return []
            case .release: return nil
            }
        }
    }

    private func settle(_ deliveries: [Delivery], _ disposition: Disposition?, arrival: Date) async {
        await withTaskGroup(of: Void.self) { group in
            for delivery in deliveries {
                group.addTask { await self.settle(delivery, disposition, arrival: arrival, logger: self.logger) }
            }
        }
    }
}
