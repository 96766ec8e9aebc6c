import AMQP
import Bootstrap
import FoundationEssentials
import Logging
import Messaging
import Persistence
import Redis
import ServiceLifecycle

/// The services besides the HTTP server: the relay with its broker, Redis, and periodic jobs. Registration works
/// without any of them; pending messages stay in the outbox.
struct BackgroundServices: Sendable {
    let relay: OutboxRelay
    let redis: RedisClient
    let deadLetters: ParkedMessages
    let mails: MailMonitor
    let subscriptionQueues: SubscriptionQueues
    /// In dependency order.
    let services: [any Service]

    init(
        _ settings: APISettings, stores: Stores, batcher: RegistrationBatcher, metrics: PrometheusRegistry,
        clock: @escaping @Sendable () -> Date, logger: Logger
    ) {
        redis = RedisClient(settings.redis, logger: logger)
        relay = OutboxRelay(
            database: stores.database, broker: settings.broker, redis: redis, isBusy: { batcher.isCrowded },
            logger: logger
        )
        deadLetters = ParkedMessages(
            broker: settings.broker, publisher: relay.broker, store: DeadLetterStore(stores.database), logger: logger)
        mails = MailMonitor(deliveries: stores.deliveries, broker: relay.broker, metrics: metrics, clock: clock)
        subscriptionQueues = SubscriptionQueues(publisher: relay.broker)
        services = [
            RedisService(redis: redis),
            relay,
            SubscriptionReconciler(stores: stores, queues: subscriptionQueues, logger: logger).service,
            Pruning(
                store: PruningStore(stores.database), rules: Pruning.Rule.all(stores, settings.retention, clock),
                metrics: metrics, logger: logger
            ).service,
            AuditSealing(store: stores.auditSeals, metrics: metrics, logger: logger).service,
            mails.service,
        ]
    }

    var checks: [ReadinessCheck] {
        [
            ReadinessCheck("rabbitmq", isRequired: false) { try require(relay.broker.state == .connected) },
            ReadinessCheck("redis", isRequired: false) { try require(redis.isConnected) },
        ]
    }
}

/// Closes the connection once everything that uses it has stopped.
private struct RedisService: Service {
    let redis: RedisClient

    func run() async throws {
        do { try await gracefulShutdown() } catch {}  // canceled: close all the same
        await redis.close()
    }
}

private struct NotConnected: Error {}

private func require(_ condition: Bool) throws {
    if !condition { throw NotConnected() }
}

/// Runs `body` with a time limit; nil if it took longer or failed.
func answered<Value: Sendable>(
    within limit: Duration, _ body: @escaping @Sendable () async throws -> Value
) async -> Value? {
    await withTaskGroup(of: Value?.self) { group in
        group.addTask {
            // The caller shows that there is no response; the failing wrapper has logged the reason.
            do { return try await body() } catch { return nil }
        }
        group.addTask {
            do { try await Task.sleep(for: limit) } catch {}  // canceled: the result was faster
            return nil
        }
        defer { group.cancelAll() }
        return await group.next() ?? nil
    }
}
