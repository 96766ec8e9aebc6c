import Domain
import FoundationEssentials
import Persistence
import Postgres
import TestSupport
import Testing

/// A database of its own with an organizer's event, and subscriptions made by SQL.
struct WebhookWorld {
    let world: TestWorld
    let store: WebhookStore
    let organizer: User
    let event: EventID

    static func run(_ test: (WebhookWorld) async throws -> Void) async throws {
        try await TestWorld.run { world in
            let organizer = try await world.person("Olga", role: .organizer)
            let event = try await world.event(of: organizer, capacity: 1000)
            try await test(
                WebhookWorld(world: world, store: WebhookStore(world.database), organizer: organizer, event: event))
        }
    }

    /// A webhook that has been there for an hour; `isProven`: it has had a delivery before.
    func subscription(
        of user: User? = nil, scope: String = "own", types: [String] = ["*"], status: String = "active",
        isProven: Bool = true, age: TimeInterval = 3600, delivery: String = "webhook"
    ) async throws -> SubscriptionID {
        let id = SubscriptionID()
        let url = delivery == "webhook" ? "https://example.com/\(id)" : nil
        try await world.database.execute(
            """
            INSERT INTO subscriptions (id, user_id, name, scope, types, delivery, url, status, created_at, last_delivery_at)
            VALUES (\(id), \((user ?? organizer).id), 'CRM', \(scope), \(types), \(delivery), \(url), \(status),
                \(Date() - age), \(isProven ? Date() - 60 : nil))
            """)
        return id
    }

    /// Facts of the event, as the planner gets them, `count` of them.
    func facts(_ count: Int, _ type: String = "em.ticket.issued", owner: User? = nil) -> [WebhookFact] {
        (0..<count).map { number in
            WebhookFact(
                id: MessageID(), type: type, eventID: event, ownerID: (owner ?? organizer).id, sequence: number + 1,
                at: Date())
        }
    }

    @discardableResult
    func plan(_ facts: [WebhookFact]) async throws -> Int {
        try await world.database.transaction { try await store.plan(facts, now: Date(), on: $0) }
    }

    func claim(
        limit: Int = 48, troubled: Int = 16, share: Int = 8, lease: TimeInterval = 30, at now: Date = Date()
    ) async throws -> [WebhookJob] {
        try await store.claim(limit: limit, troubled: troubled, share: share, lease: lease, now: now) ?? []
    }

    func delivered(_ job: WebhookJob, milliseconds: Int = 5) async throws {
        let attempt = WebhookAttempt(at: Date(), status: 200, durationMilliseconds: milliseconds)
        try await world.database.transaction { try await store.commitDelivered(job, attempt, now: Date(), on: $0) }
    }

    @discardableResult
    func failed(
        _ job: WebhookJob, _ verdict: WebhookVerdict, at now: Date = Date()
    ) async throws -> WebhookStop? {
        let attempt = WebhookAttempt(at: now, status: 500, durationMilliseconds: 5, responseExcerpt: "no")
        return try await world.database.transaction {
            try await store.noteFailure(job, attempt, verdict, haste: 1, now: now, on: $0)
        }
    }

    func log(_ subscription: SubscriptionID, _ status: WebhookDeliveryStatus? = nil) async throws -> [WebhookDelivery] {
        try await store.deliveries(of: subscription, status: status, after: nil, limit: 1000).items
    }

    func state(of subscription: SubscriptionID) async throws -> (status: String, failures: Int, restsFor: Double) {
        let row = try #require(
            try await world.database.read(
                """
                SELECT status, failures, coalesce(extract(epoch FROM resting_until - now()), 0)::float8 AS rest
                FROM subscriptions WHERE id = \(subscription)
                """
            ).first)
        return (try row.decode("status"), try row.decode("failures"), try row.decode("rest"))
    }
}
