import AMQP
import Bootstrap
import Logging
import Messaging
import Postgres
import SMTP
import ServiceLifecycle

/// notifications, wired: read this first.
///
///     RabbitMQ ─→ PlanNotifications ─→ Postgres (notifications + outbox: a job each)
///     RabbitMQ ─→ SendEmail ─→ MailComposer (Templates/) ─→ SMTP
///                      └─────→ Postgres (sent, retrying, failed)
///
/// | queue | handler | messages |
/// |---|---|---|
/// | notifications.plan | ``PlanNotifications`` | `em.ticket.issued`, `em.registration.waitlisted` and `.cancelled`, `em.event.updated` and `.cancelled` |
/// | notifications.mail | ``SendEmail`` | `mail.send` |
struct NotificationsService: Sendable {
    static let planConcurrency = 4

    let settings: NotificationsSettings
    let logger: Logger
    private let database: Database
    private let health: HealthEndpoint
    private let services: [any Service]

    /// - Parameters:
    ///   - planQueue, mailQueue, topology: the product's, or a test's own on the same broker.
    /// - Throws: what is wrong with the templates.
    init(
        _ settings: NotificationsSettings, metrics: PrometheusRegistry, logger: Logger,
        planQueue: WorkerQueue = .notificationsPlan, mailQueue: WorkerQueue = .notificationsMail,
        topology: Topology = .emConnect
    ) throws {
        self.settings = settings
        self.logger = logger
        let composer = try MailComposer(from: settings.mailFrom, site: settings.common.publicURL)
        let database = Database(settings.database, logger: logger)
        let sender = MailSender(settings.mailServer, threads: settings.mailConnections, logger: logger)
        self.database = database

        let plan = PlanNotifications(database: database)
        let planWorker = MessageWorker(
            planQueue, broker: settings.broker, topology: topology, concurrency: Self.planConcurrency, logger: logger
        ) { message in
            try await plan.handle(message.event)
            return .done
        }
        let send = SendEmail(
            database: database, composer: composer, sender: sender, ladder: mailQueue.ladder, logger: logger)
        let mailWorker = MessageWorker(
            mailQueue, broker: settings.broker, topology: topology, prefetch: settings.mailConnections * 2,
            concurrency: settings.mailConnections, logger: logger
        ) { try await send.handle($0) }

        health = HealthEndpoint(
            metrics: metrics,
            checks: [
                ReadinessCheck("postgres") { _ = try await database.read("SELECT 1") },
                ReadinessCheck("rabbitmq") {
                    guard planWorker.isConnected, mailWorker.isConnected else { throw BrokerAway() }
                },
            ])
        // The last is stopped first: the workers finish what they have in hand while health is still answered.
        services = [HealthServer(health, settings: settings.common, logger: logger), planWorker, mailWorker]
    }

    /// Runs until SIGTERM or SIGINT, or until the task is told to shut down gracefully.
    func run() async throws {
        try await runServices(services, health: health, settings: settings.common, logger: logger)
        await database.close()
    }
}

/// What the readiness check throws while a worker has no connection; `/readyz` names the dependency.
private struct BrokerAway: Error {}
