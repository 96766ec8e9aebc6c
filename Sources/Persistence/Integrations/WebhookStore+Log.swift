public import Domain
public import FoundationEssentials
public import Postgres

/// A delivery as its subscription's owner sees it.
public struct WebhookDelivery: Sendable {
    public var id: WebhookDeliveryID
    public var messageID: MessageID
    public var type: String
    public var eventID: EventID?
    public var sequence: Int?
    public var status: WebhookDeliveryStatus
    /// The last ones, newest last; at most ``WebhookStore/attemptsShown``.
    public var attempts: [WebhookAttempt]
    public var createdAt: Date
    public var nextAttemptAt: Date?
}

extension WebhookStore {
    public static let attemptsShown = 12

    /// A subscription's deliveries, newest first.
    public func deliveries(
        of subscription: SubscriptionID, status: WebhookDeliveryStatus? = nil, after: PageKey?, limit: Int
    ) async throws -> Page<WebhookDelivery> {
        // From two inequalities the planner doesn't conclude that the order is that of the time alone: it would scan
        // the deliveries of all subscriptions until it had found enough of this one.
        let chosen: SQL = """
            WHERE subscription_id >= \(subscription) AND subscription_id <= \(subscription) \(given: status, Self.has)
                \(given: after, { "AND (created_at, id) < (\($0.at), \($0.id))" })
            ORDER BY subscription_id, created_at DESC, id DESC LIMIT \(limit + 1)
            """
        let rows = try await database.list(Self.withAttempts(chosen))
        return Page(try Self.deliveries(rows), limit: limit) { PageKey(at: $0.createdAt, id: $0.id.uuid) }
    }

    /// The condition that a delivery has a status, in a form that finds the few undelivered ones by their partial
    /// index.
    private static func has(_ status: WebhookDeliveryStatus) -> SQL {
        status == .delivered ? "AND status = 'delivered'" : "AND status <> 'delivered' AND status = \(status)"
    }

    /// The webhook's owner; nil if there is no webhook with this id.
    public func owner(of subscription: SubscriptionID) async throws -> UserID? {
        try await database.read(
            "SELECT user_id FROM subscriptions WHERE id = \(subscription) AND delivery = 'webhook' AND ended_at IS NULL"
        ).first?.decode("user_id", as: UserID.self)
    }

    /// One of them; nil if the subscription has none with this id.
    public func delivery(_ id: WebhookDeliveryID, of subscription: SubscriptionID) async throws -> WebhookDelivery? {
        let rows = try await database.read(Self.withAttempts("WHERE id = \(id) AND subscription_id = \(subscription)"))
        return try Self.deliveries(rows).first
    }

    /// Makes a delivery due now, and restarts its retry schedule; one that succeeded is sent again. Ends its
    /// subscription's pause between attempts.
    /// - Returns: false if the subscription has none with this id.
    public func retry(
        _ id: WebhookDeliveryID, of subscription: SubscriptionID, now: Date, on transaction: Transaction
    ) async throws -> Bool {
        let updated = try await transaction.query(
            """
            UPDATE webhook_deliveries SET status = CASE WHEN attempts = 0 THEN 'queued' ELSE 'retrying' END, attempts = 0,
                next_attempt_at = \(now), finished_at = NULL
            WHERE id = \(id) AND subscription_id = \(subscription)
            """)
        guard updated.affectedRows > 0 else { return false }
        try await wake(subscription, on: transaction)
        return true
    }

    /// Adds a test message.
    public func test(
        _ subscription: SubscriptionID, now: Date, on transaction: Transaction
    ) async throws -> WebhookDelivery {
        let delivery = WebhookDelivery(
            id: WebhookDeliveryID(), messageID: MessageID(), type: CloudEvent.testType, status: .queued, attempts: [],
            createdAt: now, nextAttemptAt: now)
        _ = try await transaction.query(
            """
            INSERT INTO webhook_deliveries
                (id, subscription_id, message_id, type, is_extra, created_at, next_attempt_at)
            VALUES (\(delivery.id), \(subscription), \(delivery.messageID), \(delivery.type), true, \(now), \(now))
            """)
        try await wake(subscription, on: transaction)
        return delivery
    }

    /// Adds facts again, whatever their earlier deliveries' state, in the given order.
    public func replay(
        _ facts: [WebhookFact], to subscription: SubscriptionID, now: Date, on transaction: Transaction
    ) async throws {
        guard !facts.isEmpty else { return }
        _ = try await transaction.query(
            """
            INSERT INTO webhook_deliveries
                (id, subscription_id, message_id, event_id, sequence, type, is_extra, created_at, next_attempt_at)
            SELECT fact.id, \(subscription), fact.message_id, fact.event_id, fact.sequence, fact.type, true, turn.at, turn.at
            FROM unnest(
                \(facts.map { _ in WebhookDeliveryID() })::uuid[], \(facts.map(\.id))::uuid[],
                \(facts.map(\.eventID))::uuid[], \(facts.map(\.sequence))::bigint[], \(facts.map(\.type))::text[])
                WITH ORDINALITY AS fact (id, message_id, event_id, sequence, type, place)
            CROSS JOIN LATERAL (
                SELECT \(now)::timestamptz - interval '1 second' + fact.place * interval '1 microsecond' AS at
            ) turn
            """)
        try await wake(subscription, on: transaction)
    }

    /// Ends the pause between attempts: the owner wants to see a result now.
    private func wake(_ subscription: SubscriptionID, on transaction: Transaction) async throws {
        _ = try await transaction.query("UPDATE subscriptions SET resting_until = NULL WHERE id = \(subscription)")
    }

    /// Deletes deliveries older than `time`, with their attempts; at most `limit` rows. Returns how many.
    public func prune(before time: Date, limit: Int, on transaction: Transaction) async throws -> Int {
        try await transaction.query(
            """
            DELETE FROM webhook_deliveries WHERE id IN (
                SELECT id FROM webhook_deliveries WHERE created_at < \(time) ORDER BY created_at LIMIT \(limit))
            """
        ).affectedRows
    }

    /// The chosen deliveries, newest first, with a row per attempt: in one statement, so that a delivery never reads as
    /// in flight next to the attempt that ended it.
    private static func withAttempts(_ chosen: SQL) -> SQL {
        """
        SELECT d.*, a.id AS attempt_id, a.at, a.status AS attempt_status, a.duration_ms, a.error, a.excerpt
        FROM (
            SELECT id, message_id, type, event_id, sequence, status, created_at, next_attempt_at
            FROM webhook_deliveries \(fragment: chosen)
        ) d
        LEFT JOIN LATERAL (
            SELECT * FROM webhook_attempts w WHERE w.delivery_id = d.id ORDER BY w.id DESC LIMIT \(attemptsShown)
        ) a ON true
        ORDER BY d.created_at DESC, d.id DESC, a.id
        """
    }

    private static func deliveries(_ rows: QueryResult) throws -> [WebhookDelivery] {
        var deliveries: [WebhookDelivery] = []
        for row in rows {
            let id = try row.decode("id", as: WebhookDeliveryID.self)
            if deliveries.last?.id != id {
                deliveries.append(
                    WebhookDelivery(
                        id: id, messageID: try row.decode("message_id"), type: try row.decode("type"),
                        eventID: try row.decode("event_id"), sequence: try row.decode("sequence"),
                        status: try row.decode("status"), attempts: [], createdAt: try row.decode("created_at"),
                        nextAttemptAt: try row.decode("next_attempt_at")))
            }
            guard try row.decode("attempt_id", as: Int?.self) != nil else { continue }
            deliveries[deliveries.count - 1].attempts.append(
                WebhookAttempt(
                    at: try row.decode("at"), status: try row.decode("attempt_status"),
                    durationMilliseconds: try row.decode("duration_ms"),
                    error: try row.decode("error", as: String?.self).flatMap(WebhookError.init(stored:)),
                    responseExcerpt: try row.decode("excerpt")))
        }
        return deliveries
    }
}
