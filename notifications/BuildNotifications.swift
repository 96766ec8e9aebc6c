import AMQP
import Bootstrap
import Domain
import Logging
import Messaging
import OutgoingHTTP
import Persistence
import Postgres
import SMTP
import ServiceLifecycle
import Webhooks

/// The wiring of notifications: read this first.
///
///     RabbitMQ ─→ PlanNotifications ─→ Postgres (notifications, and an outbox job for each; or a mailing)
///     RabbitMQ ─→ PlanMailing ───────→ Postgres (the notifications of the next people, and the next step)
///     RabbitMQ ─→ SendEmail ─→ MailComposer (Templates/) ─→ SMTP
///                     ├──────→ Postgres (the hashes of the links in emails)
///                     └──────→ Postgres (sent, retrying, failed)
///     RabbitMQ ─→ PlanWebhooks ──────→ Postgres (the deliveries of each fact)
///     WebhookDispatcher ←─ Postgres (what is due) ─→ DeliverWebhook ─→ HTTP, then Postgres (delivered, retrying, failed)
///     MailingClock ──────────────────→ Postgres (scheduled mailings, emails due for a retry)
struct NotificationsService: Sendable {
    let health: HealthEndpoint
    /// In dependency order.
    let services: [any Service]

    /// Concurrent plans: short transactions.
    static let planConcurrency = 4
}

/// The queues to consume, and what has to be declared for them: the product's, or a test's own on the same broker.
struct NotificationsQueues: Sendable {
    var plan = WorkerQueue.notificationsPlan
    var mailings = WorkerQueue.notificationsMailings
    var mail = WorkerQueue.notificationsMail
    var bulkMail = WorkerQueue.notificationsBulkMail
    var webhooks = WorkerQueue.notificationsWebhooks
    var topology = Topology.declaredByTheRelay
}

/// Wires everything. The queues:
///
/// | queue | messages | handler |
/// |---|---|---|
/// | notifications.plan | em.ticket.issued, em.registration.waitlisted, em.registration.cancelled, em.event.updated, em.event.cancelled, account.mail | ``PlanNotifications`` |
/// | notifications.mailings | mailing.plan, mail.preview | ``PlanMailing``, ``MakePreview`` |
/// | notifications.mail | mail.send | ``SendEmail`` |
/// | notifications.bulkMail | mail.send.bulk | ``SendEmail``, over connections of its own |
/// | notifications.webhooks | every fact | ``PlanWebhooks`` |
///
/// - Throws: what is wrong with the templates.
func buildNotifications(
    _ settings: NotificationsSettings, queues: NotificationsQueues = .init(), metrics: PrometheusRegistry,
    logger: Logger
) throws -> NotificationsService {
    let database = Database(settings.database, logger: logger)
    let composer = try MailComposer(from: settings.mailFrom, site: settings.common.publicURL)
    let pause = SendingPause()
    let webhooks = WebhookStore(database)
    let deliverWebhook = DeliverWebhook(
        database: database, store: webhooks, notifications: NotificationStore(database),
        sender: HTTPSender { settings.webhookAddresses.permits($0, isEncrypted: $1) }, key: settings.webhookKey,
        logger: logger)
    deliverWebhook.show()
    metrics.gauge("em_mail_sending_refused", "1 while sending is paused because the mail server rejects us.") {
        pause.isProbing ? 1 : 0
    }
    let desk = WebhookDispatcher(store: webhooks, logger: logger) { try await deliverWebhook.perform($0, until: $1) }
    let workers = Workers(
        settings: settings, queues: queues, database: database, composer: composer, pause: pause, logger: logger)
    let all = workers.planning + workers.mailing + [workers.webhooks(webhooks, desk)]
    let health = HealthEndpoint(
        metrics: metrics,
        checks: [
            ReadinessCheck("postgres") { _ = try await database.read("SELECT 1") },
            ReadinessCheck("rabbitmq") {
                guard all.allSatisfy(\.isConnected) else { throw NotConnected() }
            },
        ])
    let services: [any Service] =
        [
            DatabaseService(database, metrics: metrics),
            HealthServer(health, settings: settings.common, logger: logger),
            SendingSwitch(pause: pause, deliveries: DeliveryStore(database), logger: logger).service,
            MailingClock(database: database, logger: logger).service,
            desk,
        ] + all
    return NotificationsService(health: health, services: services)
}

private struct NotConnected: Error {}

/// The workers of the queues, with their concurrency.
private struct Workers {
    let settings: NotificationsSettings
    let queues: NotificationsQueues
    let database: Database
    let composer: MailComposer
    let pause: SendingPause
    let logger: Logger

    var planning: [MessageWorker] {
        let plan = PlanNotifications(database: database)
        let planMailing = PlanMailing(database: database)
        let makePreview = MakePreview(
            previews: MailPreviewStore(database), events: EventStore(database), composer: composer)
        return [
            // In a rush, facts about single people arrive by the thousand: a commit costs more than a plan.
            worker(
                queues.plan, prefetch: 256, concurrency: NotificationsService.planConcurrency,
                batch: .init(atMost: 64) { try await plan.handleTogether($0) }
            ) { message in
                try await plan.handle(message.event)
                return .ack
            },
            worker(queues.mailings, prefetch: 1, concurrency: 1) { message in
                if message.event.type == WorkType.mailPreview.rawValue {
                    try await makePreview.handle(message.event)
                } else {
                    try await planMailing.handle(message.event)
                }
                return .ack
            },
        ]
    }

    /// Individual and bulk email, under one rate limit.
    var mailing: [MessageWorker] {
        let pace = SendingRate(mailsPerSecond: settings.mailsPerSecond)
        return [
            mailWorker(queues.mail, connections: settings.mailConnections, settings.mailLimits, pace),
            mailWorker(queues.bulkMail, connections: settings.bulkConnections, settings.bulkLimits, pace),
        ]
    }

    func webhooks(_ store: WebhookStore, _ desk: WebhookDispatcher) -> MessageWorker {
        let plan = PlanWebhooks(database: database, store: store, desk: desk)
        // Most facts match no subscription, and cost one query for all that have arrived.
        return worker(queues.webhooks, prefetch: 512, concurrency: 1, batch: .init(atMost: 256, handler: plan.handle)) {
            message in
            _ = try await plan.handle([message])
            return .ack
        }
    }

    private func mailWorker(
        _ queue: WorkerQueue, connections: Int, _ limits: DestinationLimiter.Limits, _ pace: SendingRate
    ) -> MessageWorker {
        let send = SendEmail(
            database: database, composer: composer,
            sender: MailSender(settings.mailServer, threads: limits.connections, logger: logger),
            destinations: DestinationLimiter(limits), pace: pace, pause: pause, ladder: queue.ladder, logger: logger)
        return worker(queue, prefetch: limits.connections + connections, concurrency: limits.connections) {
            try await send.handle($0)
        }
    }

    private func worker(
        _ queue: WorkerQueue, prefetch: Int, concurrency: Int, batch: MessageWorker.Batch? = nil,
        _ handler: @escaping MessageWorker.Handler
    ) -> MessageWorker {
        MessageWorker(
            queue, broker: settings.broker, topology: queues.topology, suspects: SuspectStore(database),
            prefetch: prefetch, concurrency: concurrency, logger: logger, batch: batch, handler: handler)
    }
}
