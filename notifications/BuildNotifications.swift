import AMQP
import Bootstrap
import Logging
import Messaging
import Persistence
import Postgres
import SMTP
import ServiceLifecycle

/// notifications, put together: read this first.
///
///     RabbitMQ ─→ PlanNotifications ─→ Postgres (notifications, and a job for each in the outbox)
///     RabbitMQ ─→ SendEmail ─→ MailComposer (Templates/) ─→ SMTP
///                     ├──────→ Postgres (the hashes of the links that account mails hold)
///                     └──────→ Postgres (sent, retrying, failed)
struct NotificationsService: Sendable {
    let health: HealthEndpoint
    /// In the order of dependence.
    let services: [any Service]

    /// Plans at a time: short transactions.
    static let planConcurrency = 4
}

/// The queues to read, and what has to be declared for them: the product's, or a test's own on the same broker.
struct NotificationsQueues: Sendable {
    var plan = WorkerQueue.notificationsPlan
    var mail = WorkerQueue.notificationsMail
    var topology = Topology.declaredByTheRelay
}

/// Wires everything. The queues:
///
/// | queue | messages | handler |
/// |---|---|---|
/// | notifications.plan | em.ticket.issued, em.registration.waitlisted, em.registration.cancelled, em.event.updated, em.event.cancelled, account.mail | ``PlanNotifications`` |
/// | notifications.mail | mail.send | ``SendEmail`` |
///
/// - Throws: what is wrong with the templates.
func buildNotifications(
    _ settings: NotificationsSettings, queues: NotificationsQueues = .init(), metrics: PrometheusRegistry,
    logger: Logger
) throws -> NotificationsService {
    let database = Database(settings.database, logger: logger)
    let plan = PlanNotifications(database: database)
    let planWorker = MessageWorker(
        queues.plan, broker: settings.broker, topology: queues.topology, suspects: SuspectStore(database),
        prefetch: 256, concurrency: NotificationsService.planConcurrency, logger: logger,
        // After a rush the facts about single people come by the thousand: a commit costs more than a plan.
        batch: .init(atMost: 64) { try await plan.handleTogether($0) }
    ) { message in
        try await plan.handle(message.event)
        return .done
    }
    let sender = MailSender(settings.mailServer, threads: settings.mailConnections, logger: logger)
    let send = SendEmail(
        database: database, composer: try MailComposer(from: settings.mailFrom, site: settings.common.publicURL),
        sender: sender, lanes: RecipientLanes(settings.mailLimits), ladder: queues.mail.ladder, logger: logger)
    let mailWorker = MessageWorker(
        queues.mail, broker: settings.broker, topology: queues.topology, suspects: SuspectStore(database),
        prefetch: settings.mailConnections * 2, concurrency: settings.mailConnections, logger: logger
    ) { try await send.handle($0) }
    let health = HealthEndpoint(
        metrics: metrics,
        checks: [
            ReadinessCheck("postgres") { _ = try await database.read("SELECT 1") },
            ReadinessCheck("rabbitmq") {
                guard planWorker.isConnected, mailWorker.isConnected else { throw NotConnected() }
            },
        ])
    return NotificationsService(
        health: health,
        services: [
            DatabaseService(database, metrics: metrics),
            HealthServer(health, settings: settings.common, logger: logger), planWorker, mailWorker,
        ])
}

private struct NotConnected: Error {}
