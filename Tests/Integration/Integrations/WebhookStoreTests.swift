import Domain
import FoundationEssentials
import Persistence
import Postgres
import TestSupport
import Testing

@Suite("What webhooks are owed", .serialized)
struct WebhookStoreTests {
    @Test("a fact is planned once for whoever wants its type, of events in their scope, while they may")
    func planning() async throws {
        try await WebhookWorld.run { world in
            let other = try await world.world.person("Otto", role: .organizer)
            let admin = try await world.world.person("Ada", role: .admin)
            let wanting = [
                try await world.subscription(), try await world.subscription(types: ["em.ticket.*"]),
                try await world.subscription(types: ["em.event.*", "em.ticket.issued"]),
                try await world.subscription(of: admin, scope: "all"),
            ]
            let others = [
                try await world.subscription(types: ["em.ticket.revoked", "em.event.*"]),
                try await world.subscription(of: other), try await world.subscription(of: other, scope: "all"),
                try await world.subscription(status: "paused"), try await world.subscription(status: "disabled"),
                try await world.subscription(delivery: "queue"), try await world.subscription(age: -60),
            ]
            let facts = world.facts(2)
            #expect(try await world.plan(facts) == 8)
            #expect(try await world.plan(facts) == 0)
            for subscription in wanting {
                let log = try await world.log(subscription)
                #expect(log.map(\.messageID) == facts.reversed().map(\.id))
                #expect(log.allSatisfy { $0.status == .queued && $0.eventID == world.event && $0.attempts.isEmpty })
            }
            for subscription in others { #expect(try await world.log(subscription).isEmpty) }
        }
    }

    @Test("who is no admin any more gets nothing of others, not even what was planned before or is asked for again")
    func barred() async throws {
        try await WebhookWorld.run { world in
            let admin = try await world.world.person("Ada", role: .admin)
            let everything = try await world.subscription(of: admin, scope: "all")
            let own = try await world.subscription()
            try await world.plan(world.facts(1))
            func role(_ role: Role) async throws {
                try await world.world.owner.execute("UPDATE users SET role = \(role.rawValue) WHERE id = \(admin.id)")
            }
            try await role(.organizer)
            let owed = try #require(try await world.log(everything).first)
            try await world.world.database.transaction {
                _ = try await world.store.retry(owed.id, of: everything, now: Date(), on: $0)
            }
            #expect(try await world.claim().map(\.subscriptionID) == [own])
            #expect(try await world.store.backlog(now: Date()).waiting == 1)
            // It waits: the control, an admin gets it.
            try await role(.admin)
            #expect(try await world.claim().map(\.id) == [owed.id])
        }
    }

    @Test("without a webhook nothing is wanted")
    func unwanted() async throws {
        try await WebhookWorld.run { world in
            #expect(try await !world.store.isWanted())
            _ = try await world.subscription(delivery: "queue")
            _ = try await world.subscription(status: "paused")
            #expect(try await !world.store.isWanted())
            _ = try await world.subscription()
            #expect(try await world.store.isWanted())
        }
    }

    @Test(
        "whoever waits by the thousand takes eight places, a failing or untried one a single one, and nobody else waits"
    )
    func shares() async throws {
        try await WebhookWorld.run { world in
            let busy = try await world.subscription(types: ["em.ticket.issued"])
            let failing = try await world.subscription(types: ["em.ticket.issued"])
            let fresh = try await world.subscription(types: ["em.ticket.issued"], isProven: false)
            try await world.world.database.execute(
                "UPDATE subscriptions SET failing_since = now() WHERE id = \(failing)")
            try await world.plan(world.facts(1000))
            let late = try await world.subscription(types: ["em.event.cancelled"])
            try await world.plan(world.facts(1, "em.event.cancelled"))
            let first = try await world.claim()
            let taken = Dictionary(grouping: first, by: \.subscriptionID).mapValues(\.count)
            #expect(taken == [busy: 8, failing: 1, fresh: 1, late: 1])
            #expect(Set(first.filter(\.isTroubled).map(\.subscriptionID)) == [failing, fresh])
            // All that they may have in hand, they have.
            #expect(try await world.claim().isEmpty)
            let one = try #require(first.first { $0.subscriptionID == busy })
            try await world.delivered(one)
            #expect(try await world.claim().map(\.subscriptionID) == [busy])
            // Slow answers make it one that is troubled.
            for job in first where job.subscriptionID == busy && job.id != one.id {
                try await world.delivered(job, milliseconds: 5000)
            }
            #expect(try await world.claim().isEmpty)
        }
    }

    @Test("control: without shares the thousand are taken first, and the other one waits")
    func withoutShares() async throws {
        try await WebhookWorld.run { world in
            _ = try await world.subscription(types: ["em.ticket.issued"])
            try await world.plan(world.facts(1000))
            let late = try await world.subscription(types: ["em.event.cancelled"])
            try await world.plan(world.facts(1, "em.event.cancelled"))
            let taken = try await world.claim(share: 1000)
            #expect(taken.count == 48 && !taken.contains { $0.subscriptionID == late })
        }
    }

    @Test("two who claim at once never take the same, and what a dead one had is due again")
    func leases() async throws {
        try await WebhookWorld.run { world in
            for _ in 0..<6 { _ = try await world.subscription() }
            try await world.plan(world.facts(20))
            let taken = try await withThrowingTaskGroup(of: [WebhookJob].self) { group in
                for _ in 0..<4 { group.addTask { try await world.claim(limit: 5) } }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            #expect(!taken.isEmpty && Set(taken.map(\.id)).count == taken.count)
            // Nobody settled them.
            let again = try await world.claim(limit: 1000, share: 1000, at: Date() + 31)
            #expect(again.count == 120 && Set(taken.map(\.id)).isSubset(of: Set(again.map(\.id))))
        }
    }

    @Test("what the broker lost is planned from the log, once, and only what was published")
    func reconciled() async throws {
        try await WebhookWorld.run { world in
            let subscription = try await world.subscription(types: ["em.registration.*"])
            for _ in 0..<3 { _ = try await world.world.register(world.world.person(), for: world.event) }
            func missing(isTrial: Bool) async throws -> Int {
                try await world.world.database.transaction {
                    try await world.store.reconcile(
                        since: Date() - 3600, after: 0, limit: 100, isTrial: isTrial, now: Date(), on: $0
                    ).missing
                }
            }
            #expect(try await missing(isTrial: false) == 0)
            try await world.world.owner.execute("UPDATE outbox SET published_at = now()")
            #expect(try await missing(isTrial: true) == 3)
            #expect(try await missing(isTrial: false) == 3)
            #expect(try await missing(isTrial: false) == 0)
            #expect(try await world.log(subscription).allSatisfy { $0.type == "em.registration.confirmed" })
        }
    }

    @Test("what is sent is what was published, to the byte")
    func content() async throws {
        try await WebhookWorld.run { world in
            _ = try await world.subscription()
            let visitor = try await world.world.person()
            _ = try await world.world.register(visitor, for: world.event)
            let row = try #require(
                try await world.world.owner.execute(
                    """
                    UPDATE outbox SET sequence = 7, traceparent = '00-0123' WHERE type = 'em.registration.confirmed'
                    RETURNING message_id, occurred_at, data
                    """
                ).first)
            let published = CloudEvent(
                id: try row.decode("message_id"), type: "em.registration.confirmed", subject: world.event.description,
                time: try row.decode("occurred_at"), sequence: 7, traceparent: "00-0123",
                data: Array(try row.decode("data", as: String.self).utf8))
            var fact = try #require(world.facts(1, published.type).first)
            (fact.id, fact.sequence) = (published.id, 7)
            try await world.plan([fact])
            let job = try #require(try await world.claim().first)
            #expect(try job.message?.encoded() == published.encoded())
            // One that the event log no longer has.
            try await world.plan(world.facts(1))
            #expect(try #require(try await world.claim().first).message == nil)
        }
    }
}
