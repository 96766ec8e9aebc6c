import AMQP
import Bootstrap
import Domain
import FoundationEssentials
import Messaging
import Persistence
import Postgres
import Redis
import SMTP
import ServiceLifecycle
import TestSupport
import Testing

@testable import notifications

@Suite struct NotificationsServiceTests {
    @Test("From issued tickets to mails, through the relay, both queues and the delay queue: one mail for everybody")
    func wholeWay() async throws {
        try await MailWorld.run { mail in
            let names = BrokerNames(prefix: "test.\(UUID().uuidString.lowercased().prefix(8)).")
            let ladder = RetryLadder([.init("200ms", .milliseconds(200))], maximumAttempts: 20)
            let plan = WorkerQueue(name: "notifications.plan", facts: [.ticketIssued], names: names)
            let send = WorkerQueue(name: "notifications.mail", work: [.mailSend], ladder: ladder, names: names)
            let topology = Topology(workers: [plan, send], names: names)
            try await Self.with(topology) { broker in
                let event = try await mail.world.event(of: mail.organizer, capacity: 100)
                // One of them is deferred at first, and one never gets anything.
                let addresses = (0..<20).map { "guest\($0)" } + ["flaky", "refuse"]
                for address in addresses {
                    try await mail.ticket(for: mail.person(at: address), event: event)
                }
                let settings = try Self.settings(mail)
                let service = try buildNotifications(
                    settings, queues: .init(plan: plan, mail: send, topology: topology),
                    metrics: PrometheusRegistry(), logger: mail.world.logger)
                let redis = RedisClient(try RedisAddress(url: Servers.redis), logger: mail.world.logger)
                let relay = OutboxRelay(
                    database: mail.world.database, broker: broker, redis: redis, topology: topology, names: names,
                    logger: mail.world.logger)
                try await Self.running(service.services + [relay]) {
                    try await mail.untilSettled(addresses.count)
                }
                await redis.close()

                var recipients: Set<String> = []
                var messageIDs: Set<String> = []
                for _ in 0..<21 {
                    let received = try mail.server.nextMail()
                    recipients.formUnion(received.recipients)
                    messageIDs.insert(received.headers["Message-ID"] ?? "")
                }
                #expect(recipients == Set(addresses.filter { $0 != "refuse" }.map { "\($0)@example.org" }))
                #expect(messageIDs.count == 21)
                #expect(throws: MailServer.Failure.self) { try mail.server.nextMail(within: .milliseconds(300)) }
                #expect(try await mail.count(.sent) == 21)
                #expect(try await mail.count(.failed) == 1)
            }
        }
    }

    private static func settings(_ mail: MailWorld) throws -> NotificationsSettings {
        var reader = SettingsReader(environment: [
            "EM_HTTP_PORT": "0", "EM_PUBLIC_URL": "http://localhost:8080", "EM_DATABASE_URL": mail.world.databaseURL,
            "EM_AMQP_URL": Servers.broker, "EM_SMTP_URL": "smtp://127.0.0.1:\(mail.server.port)",
            "EM_MAIL_FROM": "EM-Connect <events@example.com>",
        ])
        return try NotificationsSettings(&reader)
    }

    /// Runs `body` with exchanges and queues of its own, and removes them even when it throws.
    private static func with(_ topology: Topology, _ body: (BrokerAddress) async throws -> Void) async throws {
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
}

extension MailWorld {
    func count(_ status: NotificationStatus) async throws -> Int {
        try await world.database.read("SELECT count(*) AS count FROM notifications WHERE status = \(status)")
            .first?.decode("count") ?? 0
    }

    /// Waits until so many notifications are sent or have failed.
    func untilSettled(_ number: Int) async throws {
        let deadline = ContinuousClock.now + .seconds(30)
        while ContinuousClock.now < deadline {
            let settled = try await count(.sent) + count(.failed)
            if settled == number { return }
            try await Task.sleep(for: .milliseconds(20))
        }
        Issue.record("not everything was settled in time")
    }
}
