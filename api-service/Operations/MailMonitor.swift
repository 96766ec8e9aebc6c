import AMQP
import Bootstrap
import Domain
import FoundationEssentials
import Logging
import Messaging
import Persistence
import Synchronization

/// Monitors every few seconds the unsent emails and whether anyone sends them: the most common complaint about
/// comparable products is email that never came without any sign of it. Readers get the last observation.
final class MailMonitor: Sendable {
    struct Reading: Sendable {
        var backlog: DeliveryBacklog?
        /// Consumers of the mail queue that has fewer; nil if the broker is unreachable.
        var consumers: Int?
    }

    private let deliveries: DeliveryStore
    /// Nil without a relay (tests of the HTTP API alone).
    private let broker: Publisher?
    private let clock: @Sendable () -> Date
    private let state = Mutex(Reading())

    private static let timeout = Duration.seconds(3)

    init(
        deliveries: DeliveryStore, broker: Publisher?, metrics: PrometheusRegistry,
        clock: @escaping @Sendable () -> Date
    ) {
        self.deliveries = deliveries
        self.broker = broker
        self.clock = clock
        metrics.gauge("em_mails_unsent", "Unsent emails, waiting for their first or another attempt.") { [weak self] in
            Double(self?.reading.backlog?.unsent ?? 0)
        }
        metrics.gauge("em_mail_oldest_unsent_seconds", "Age of the oldest unsent email.") { [weak self] in
            self?.reading.backlog?.oldestAt.map { clock().timeIntervalSince($0) } ?? 0
        }
        metrics.gauge("em_mail_consumers", "Consumers of the mail queues; -1 if the broker is unreachable.") {
            [weak self] in Double(self?.reading.consumers ?? -1)
        }
    }

    var reading: Reading { state.withLock { $0 } }

    var service: PeriodicService {
        PeriodicService("MailMonitor", every: .seconds(5), atOnce: true) { [self] in
            let seen = await look()
            state.withLock { $0 = seen }
        }
    }

    private func look() async -> Reading {
        async let backlog = answered(within: Self.timeout) { [self] in try await deliveries.backlog(now: clock()) }
        async let consumers = answered(within: Self.timeout) { [self] in try await fewestConsumers() }
        return Reading(backlog: await backlog, consumers: await consumers ?? nil)
    }

    private func fewestConsumers() async throws -> Int? {
        guard let broker, broker.state == .connected || broker.state == .blocked else { return nil }
        let mail = try await broker.queueStatus(WorkerQueue.notificationsMail.name).consumers
        return min(mail, try await broker.queueStatus(WorkerQueue.notificationsBulkMail.name).consumers)
    }
}
