import AMQP
import Bootstrap
import Domain
import FoundationEssentials
import Messaging
import Postgres
import Redis
import SMTP
import ServiceLifecycle
import TestSupport
import Testing
import Webhooks

@testable import notifications

/// The whole service, with a relay, between queues and a database of the test's own.
extension MailWorld {
    func serving(
        connections: Int = 8, limits: (inout DestinationLimiter.Limits) -> Void = { _ in },
        during body: () async throws -> Void
    ) async throws {
        let names = BrokerNames(prefix: "test.\(UUID().uuidString.lowercased().prefix(8)).")
        let ladder = RetryLadder([.init("200ms", .milliseconds(200))], maximumAttempts: 20)
        let plan = WorkerQueue(name: "notifications.plan", facts: [.ticketIssued], names: names)
        let send = WorkerQueue(name: "notifications.mail", work: [.mailSend], ladder: ladder, names: names)
        let mailings = WorkerQueue(name: "notifications.mailings", work: [.mailingPlan], names: names)
        let bulk = WorkerQueue(name: "notifications.bulkMail", work: [.bulkMailSend], ladder: ladder, names: names)
        let webhooks = WorkerQueue(name: "notifications.webhooks", readsAllFacts: true, names: names)
        let topology = Topology(workers: [plan, mailings, send, bulk, webhooks], names: names)
        try await with(topology) { broker in
            var settings = try settings(connections: connections)
            limits(&settings.mailLimits)
            let service = try buildNotifications(
                settings,
                queues: .init(
                    plan: plan, mailings: mailings, mail: send, bulkMail: bulk, webhooks: webhooks, topology: topology),
                metrics: PrometheusRegistry(),
                logger: world.logger)
            let redis = RedisClient(try RedisAddress(url: Servers.redis), logger: world.logger)
            let relay = OutboxRelay(
                database: world.database, broker: broker, redis: redis, topology: topology,
                workers: [plan, mailings, send, bulk, webhooks], names: names, logger: world.logger)
            try await Self.running(service.services + [relay], body)
            await redis.close()
        }
    }

    private func settings(connections: Int) throws -> NotificationsSettings {
        var reader = SettingsReader(environment: [
            "EM_DEMO": "true", "EM_HTTP_PORT": "0", "EM_PUBLIC_URL": "http://localhost:8080",
            "EM_DATABASE_URL": world.databaseURL,
            "EM_AMQP_URL": Servers.broker, "EM_SMTP_URL": "smtp://127.0.0.1:\(server.port)",
            "EM_MAIL_FROM": "EM-Connect <events@example.com>", "EM_SMTP_CONNECTIONS": "\(connections)",
            "EM_WEBHOOK_KEY": WebhookKey().text,
        ])
        return try NotificationsSettings(&reader)
    }

    /// Runs `body` with exchanges and queues of its own, and removes them even when it throws.
    private func with(_ topology: Topology, _ body: (BrokerAddress) async throws -> Void) async throws {
        let address = try BrokerAddress(url: Servers.broker)
        let janitor = Publisher(address, name: "janitor", topology: topology, logger: Broker.quiet)
        let outcome: Result<Void, any Error>
        do { outcome = .success(try await body(address)) } catch { outcome = .failure(error) }
        for queue in topology.queues { try await janitor.delete(queue: queue.name) }
        for exchange in topology.exchanges { try await janitor.delete(exchange: exchange.name) }
        await janitor.close()
        try outcome.get()
    }

    private static func running(_ services: [any Service], _ body: () async throws -> Void) async throws {
        let group = ServiceGroup(services: services, logger: Broker.quiet)
        async let over: Void = group.run()
        let outcome: Result<Void, any Error>
        do { outcome = .success(try await body()) } catch { outcome = .failure(error) }
        await group.triggerGracefulShutdown()
        try await over
        try outcome.get()
    }

    func count(_ status: NotificationStatus) async throws -> Int {
        try await world.database.read("SELECT count(*) AS count FROM notifications WHERE status = \(status)")
            .first?.decode("count") ?? 0
    }

    func sent(to domain: String) async throws -> Int {
        try await world.database.read(
            """
            SELECT count(*) AS count FROM notifications n JOIN users u ON u.id = n.user_id
            WHERE n.status = 'sent' AND u.email LIKE \("%@\(domain)")
            """
        ).first?.decode("count") ?? 0
    }

    /// How many mails are in the mail server's hands.
    func mailsUnderWay() async throws -> Int {
        try await world.database.read("SELECT count(*) AS count FROM notifications WHERE lease_until > now()")
            .first?.decode("count") ?? 0
    }

    /// Transactions that wait for something that is not the database.
    func transactionsHeld() async throws -> Int {
        try await world.database.read(
            """
            SELECT count(*) AS count FROM pg_stat_activity
            WHERE datname = current_database() AND state = 'idle in transaction'
                AND state_change < now() - interval '200 milliseconds'
            """
        ).first?.decode("count") ?? 0
    }

    /// Has the mail server behave so from now on.
    func tell(_ what: String) async throws {
        let sender = MailSender(
            try SMTPAddress(url: "smtp://127.0.0.1:\(server.port)"), threads: 1, logger: world.logger)
        try await sender.send(
            MailMessage(
                from: try MailAddress(address: "tell@example.com"),
                to: try MailAddress(address: "tell-\(what)@example.org"),
                subject: "Do", messageID: "tell@example.com", date: Date(), text: "Do."))
        _ = try server.nextMail()
    }

    /// Has the tarpit answer from now on.
    func release() async throws {
        let sender = MailSender(
            try SMTPAddress(url: "smtp://127.0.0.1:\(server.port)"), threads: 1, logger: world.logger)
        try await sender.send(
            MailMessage(
                from: try MailAddress("EM-Connect <events@example.com>"),
                to: try MailAddress(address: "release@example.org"), subject: "Go on",
                messageID: "release@example.com", date: Date(), text: "Go on."))
    }

    /// Waits until so many notifications are sent or have failed.
    func untilSettled(_ number: Int) async throws {
        try await until("everything settled") { try await count(.sent) + count(.failed) == number }
    }

    func until(_ what: String, _ condition: () async throws -> Bool) async throws {
        let deadline = ContinuousClock.now + .seconds(30)
        while try await !condition() {
            try #require(ContinuousClock.now < deadline, "never: \(what)")
            try await Task.sleep(for: .milliseconds(20))
        }
    }
}
