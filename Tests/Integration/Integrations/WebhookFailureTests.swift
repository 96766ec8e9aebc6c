import Domain
import FoundationEssentials
import Persistence
import Postgres
import TestSupport
import Testing

@Suite("Webhooks that fail", .serialized)
struct WebhookFailureTests {
    @Test("a failed delivery waits for its time, and its subscription rests, longer each time; success ends both")
    func backOff() async throws {
        try await WebhookWorld.run { world in
            let subscription = try await world.subscription()
            try await world.plan(world.facts(9))
            let first = try await world.claim()
            #expect(first.count == 8)
            let now = Date()
            for job in first { try await world.failed(job, .retry(at: now + 5), at: now) }
            var state = try await world.state(of: subscription)
            // Eight at once are one failure to rest for.
            #expect(state.failures == 8 && (4...5.1).contains(state.restsFor))
            #expect(try await world.claim().isEmpty)
            let second = try await world.claim(at: now + 6)
            #expect(second.count == 1 && second[0].attempts == 0)
            try await world.failed(second[0], .retry(at: now + 11), at: now + 6)
            state = try await world.state(of: subscription)
            #expect((14...16.5).contains(state.restsFor))
            #expect(try await world.claim(at: now + 12).isEmpty)
            let third = try await world.claim(at: now + 20)
            #expect(third.count == 1 && third[0].attempts == 1)
            try await world.delivered(third[0])
            state = try await world.state(of: subscription)
            #expect(state.failures == 0 && state.restsFor == 0)
            #expect(try await world.claim(at: now + 20).count == 8)
            let log = try await world.log(subscription, .delivered)
            #expect(log.count == 1 && log[0].attempts.map(\.status) == [500, 200] && log[0].nextAttemptAt == nil)
            #expect(log[0].attempts[0].responseExcerpt == "no")
        }
    }

    @Test("a receiver that is gone ends its subscription, and its owner is told")
    func gone() async throws {
        try await WebhookWorld.run { world in
            let subscription = try await world.subscription()
            try await world.plan(world.facts(2))
            let jobs = try await world.claim()
            let stop = try #require(try await world.failed(jobs[0], .gone))
            #expect(stop.status == .disabled)
            #expect(try await world.failed(jobs[1], .gone) == nil)
            #expect(try await world.state(of: subscription).status == "disabled")
            #expect(try await world.plan(world.facts(1)) == 0)
            let notifications = NotificationStore(world.world.database)
            try await world.world.database.transaction {
                try await notifications.planSubscriptionNotice(about: subscription, stop, now: Date(), on: $0)
            }
            let rows = try await world.world.database.read(
                "SELECT (data->>'notificationId')::uuid AS id FROM outbox WHERE type = 'mail.send'")
            let id = try #require(try rows.first?.decode("id", as: NotificationID.self))
            let mail = try #require(try await notifications.load(id))
            guard case .subscription(let matter) = mail.matter else { throw DomainError.notFound }
            #expect(matter.name == "CRM" && matter.isDisabled && mail.recipientName == "Olga")

            // In the product, too: in the list, counted by the bell, and to be marked as read.
            let shown = try await notifications.list(of: world.organizer.id, after: nil, limit: 10).items
            #expect(shown.map(\.notification.kind) == [.subscriptionPaused])
            #expect(shown.first?.subscription?.name == "CRM" && shown.first?.readAt == nil)
            #expect(try await notifications.unreadCount(of: world.organizer.id) == 1)
            let news = try await world.world.database.read(
                "SELECT (data->>'unread')::int AS unread FROM outbox WHERE type = 'live.unread'")
            #expect(try news.map { try $0.decode("unread", as: Int.self) } == [1])
            let left = try await world.world.database.transaction {
                try await notifications.markRead(id, of: world.organizer.id, now: Date(), on: $0)
            }
            #expect(left == 0)
            #expect(
                try await notifications.list(of: world.organizer.id, unread: true, after: nil, limit: 10).items.isEmpty)
        }
    }

    @Test(
        "a subscription is paused after a day and twenty tries without success, and not before",
        arguments: [(25.0, 19, true), (25.0, 18, false), (23.0, 100, false)])
    func paused(hours: Double, failures: Int, isPaused: Bool) async throws {
        try await WebhookWorld.run { world in
            let subscription = try await world.subscription()
            try await world.plan(world.facts(1))
            let job = try #require(try await world.claim().first)
            try await world.world.database.execute(
                """
                UPDATE subscriptions SET failing_since = \(Date() - hours * 3600), failures = \(failures)::integer
                WHERE id = \(subscription)
                """)
            let stop = try await world.failed(job, .retry(at: Date() + 60))
            #expect((stop?.status == .paused) == isPaused)
            #expect(try await world.state(of: subscription).status == (isPaused ? "paused" : "active"))
            // What waits, waits until it is resumed.
            #expect(try await world.claim(at: Date() + 3600).count == (isPaused ? 0 : 1))
        }
    }

    @Test("a delivery that is given up pauses its subscription; tried again by hand, it begins anew")
    func givenUp() async throws {
        try await WebhookWorld.run { world in
            let subscription = try await world.subscription()
            try await world.plan(world.facts(1))
            let job = try #require(try await world.claim().first)
            #expect(try await world.failed(job, .giveUp)?.status == .paused)
            #expect(try await world.log(subscription).map(\.status) == [.failed])
            try await world.world.database.execute("UPDATE subscriptions SET status = 'active'")
            let again = try await world.world.database.transaction {
                try await world.store.retry(job.id, of: subscription, now: Date(), on: $0)
            }
            #expect(again)
            let retried = try #require(try await world.claim().first)
            #expect(retried.id == job.id && retried.attempts == 0)
            let foreign = try await world.world.database.transaction {
                try await world.store.retry(job.id, of: SubscriptionID(), now: Date(), on: $0)
            }
            #expect(!foreign)
        }
    }

    @Test("tests and replays go out beside what was delivered; all of it is pruned in time")
    func extra() async throws {
        try await WebhookWorld.run { world in
            let subscription = try await world.subscription()
            let facts = world.facts(3)
            try await world.plan(facts)
            for job in try await world.claim() { try await world.delivered(job) }
            let test = try await world.world.database.transaction {
                try await world.store.replay(facts, to: subscription, now: Date(), on: $0)
                return try await world.store.test(subscription, now: Date(), on: $0)
            }
            let jobs = try await world.claim()
            #expect(jobs.count == 4)
            #expect(jobs.filter { $0.message?.type == CloudEvent.testType }.map(\.messageID) == [test.messageID])
            #expect(try await world.store.backlog(now: Date()).waiting == 4)
            for job in jobs { try await world.delivered(job) }
            #expect(try await world.store.backlog(now: Date()).waiting == 0)
            let pruned = try await world.world.database.transaction {
                try await world.store.prune(before: Date() + 1, limit: 5, on: $0)
            }
            #expect(pruned == 5)
            #expect(try await world.log(subscription).count == 2)
        }
    }
}
