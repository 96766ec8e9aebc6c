public import Domain
public import FoundationEssentials
public import Postgres

/// A fact that may match webhook subscriptions.
public struct WebhookFact: Sendable {
    public var id: MessageID
    public var type: String
    public var eventID: EventID?
    public var ownerID: UserID?
    public var sequence: Int?
    public var at: Date

    public init(id: MessageID, type: String, eventID: EventID?, ownerID: UserID?, sequence: Int?, at: Date) {
        self.id = id
        self.type = type
        self.eventID = eventID
        self.ownerID = ownerID
        self.sequence = sequence
        self.at = at
    }
}

/// A delivery leased by one process.
public struct WebhookJob: Sendable {
    public var id: WebhookDeliveryID
    public var subscriptionID: SubscriptionID
    public var url: String
    /// The secret's generation, and when it began.
    public var generation: Int
    public var rotatedAt: Date?
    /// Attempts so far.
    public var attempts: Int
    /// The subscription's last attempts failed or were slow, or there were none.
    public var isTroubled: Bool
    public var messageID: MessageID
    /// As published; nil if the event log no longer has it.
    public var message: CloudEvent?
}

/// Webhook deliveries: planned, leased, settled.
public struct WebhookStore: Sendable {
    /// The precision of `last_delivery_at`, in seconds, so that a busy subscription's row is rarely written.
    static let precision = 5.0

    let database: Database

    public init(_ database: Database) { self.database = database }

    /// Whether there is any webhook subscription.
    public func isWanted() async throws -> Bool {
        try await database.read(
            "SELECT EXISTS (SELECT FROM subscriptions s WHERE \(fragment: Self.isActive)) AS is_wanted"
        ).first?.decode("is_wanted") ?? false
    }

    static let isActive: SQL = "s.delivery = 'webhook' AND s.status = 'active' AND s.ended_at IS NULL"

    /// Stores the deliveries of these facts: once, also for redelivered facts. Returns how many are new.
    ///
    /// Subscribers to every event's facts must still be admins.
    public func plan(_ facts: [WebhookFact], now: Date, on transaction: Transaction) async throws -> Int {
        guard !facts.isEmpty else { return 0 }
        return try await transaction.query(
            """
            INSERT INTO webhook_deliveries
                (id, subscription_id, message_id, event_id, sequence, type, created_at, next_attempt_at)
            SELECT gen_random_uuid(), s.id, fact.message_id, fact.event_id, fact.sequence, fact.type, turn.at, turn.at
            FROM unnest(
                \(facts.map(\.id))::uuid[], \(facts.map(\.type))::text[], \(facts.map(\.eventID))::uuid[],
                \(facts.map(\.ownerID))::uuid[], \(facts.map(\.sequence))::bigint[], \(facts.map(\.at))::timestamptz[])
                WITH ORDINALITY AS fact (message_id, type, event_id, owner_id, sequence, at, place)
            -- In the order in which they came.
            CROSS JOIN LATERAL (
                SELECT \(now)::timestamptz - interval '1 second' + fact.place * interval '1 microsecond' AS at
            ) turn
            CROSS JOIN LATERAL (\(fragment: Self.wanting)) s
            JOIN users u ON \(fragment: Self.mayWant)
            ON CONFLICT (subscription_id, message_id) WHERE NOT is_extra DO NOTHING
            """
        ).affectedRows
    }

    /// The subscriptions that match `fact`. Those for their own events are found by their owner, the few for all events
    /// by an index of their own.
    static let wanting: SQL = """
        SELECT s.* FROM subscriptions s
        WHERE s.scope = 'own' AND s.user_id = fact.owner_id AND \(fragment: wants)
        UNION ALL SELECT s.* FROM subscriptions s WHERE s.scope = 'all' AND \(fragment: wants)
        """

    /// Whether subscription `s` matches `fact`. A message may have been committed by a server whose clock is slightly
    /// behind.
    private static let wants: SQL = """
        \(fragment: isActive) AND s.created_at <= fact.at + interval '5 seconds'
            AND s.types && ARRAY[fact.type, regexp_replace(fact.type, '[^.]+$', '*'), '*']
        """

    /// Whether person `u` is entitled to it: every event's facts are for administrators.
    static let mayWant: SQL = "u.id = s.user_id AND \(fragment: SubscriptionStore.isEntitled)"

    /// Claims due deliveries for `lease` seconds; nil if another process is claiming.
    ///
    /// Per subscription, `share` deliveries can be in flight, one while it fails, is slow or has never responded, none
    /// between attempts. A subscription with thousands of waiting deliveries costs no more than others.
    /// - Parameters:
    ///   - limit: maximum number for healthy subscriptions.
    ///   - troubled: maximum number for the others.
    public func claim(
        limit: Int, troubled: Int, share: Int, lease: TimeInterval, now: Date
    ) async throws -> [WebhookJob]? {
        try await database.transaction { transaction in
            // One at a time: a concurrent claim would not count what the first one is claiming.
            let held = try await transaction.query(
                "SELECT pg_try_advisory_xact_lock(\(AdvisoryLock.webhookClaim)) AS held"
            ).first
            guard let held, try held.decode("held", as: Bool.self) else { return nil }
            let rows = try await transaction.query(
                Self.claiming(limit: limit, troubled: troubled, share: share, until: now + lease, now: now))
            return try rows.map(Self.job)
        }
    }

    /// The subscriptions with unfinished deliveries, `pending`: found by skipping along the index of unfinished
    /// deliveries, so that the others cost nothing.
    static let pending: SQL = """
        WITH RECURSIVE pending (subscription_id) AS (
            (SELECT subscription_id FROM webhook_deliveries WHERE next_attempt_at IS NOT NULL
            ORDER BY subscription_id LIMIT 1)
            UNION ALL
            SELECT (
                SELECT w.subscription_id FROM webhook_deliveries w
                WHERE w.next_attempt_at IS NOT NULL AND w.subscription_id > pending.subscription_id
                ORDER BY w.subscription_id LIMIT 1
            ) FROM pending WHERE pending.subscription_id IS NOT NULL
        )
        """

    private static func claiming(limit: Int, troubled: Int, share: Int, until: Date, now: Date) -> SQL {
        """
        \(fragment: pending), waiting AS (
            SELECT s.id AS subscription_id, d.id, d.next_attempt_at, state.is_troubled
            FROM pending JOIN subscriptions s ON s.id = pending.subscription_id
            -- What was planned for an admin waits, or is never told, once its person is none.
            JOIN users u ON \(fragment: mayWant)
            CROSS JOIN LATERAL (
                SELECT s.failing_since IS NOT NULL OR s.last_delivery_at IS NULL
                    OR coalesce(s.slow_until > \(now), false) AS is_troubled
            ) state
            CROSS JOIN LATERAL (
                SELECT count(*) AS count FROM webhook_deliveries w
                WHERE w.subscription_id = s.id AND w.lease_until > \(now)
            ) in_hand
            CROSS JOIN LATERAL (
                SELECT w.id, w.next_attempt_at FROM webhook_deliveries w
                WHERE w.subscription_id = s.id AND w.next_attempt_at <= \(now)
                    AND (w.lease_until IS NULL OR w.lease_until <= \(now))
                ORDER BY w.next_attempt_at, w.id
                LIMIT greatest(0, CASE WHEN state.is_troubled THEN 1 ELSE \(share) END - in_hand.count)
            ) d
            WHERE \(fragment: isActive) AND (s.resting_until IS NULL OR s.resting_until <= \(now))
        ), ranked AS (
            SELECT *, row_number() OVER (PARTITION BY is_troubled ORDER BY next_attempt_at, id) AS place FROM waiting
        ), taken AS (
            UPDATE webhook_deliveries w SET lease_until = \(until)
            WHERE w.id = ANY(ARRAY(
                SELECT id FROM ranked WHERE place <= CASE WHEN is_troubled THEN \(troubled) ELSE \(limit) END))
            RETURNING w.id, w.subscription_id, w.message_id, w.event_id, w.sequence, w.type, w.attempts, w.created_at
        )
        SELECT t.*, r.is_troubled, s.url, s.generation, s.rotated_at, m.message_id IS NOT NULL AS is_kept,
            m.occurred_at, m.traceparent, m.data
        FROM taken t JOIN ranked r ON r.id = t.id JOIN subscriptions s ON s.id = t.subscription_id
            -- One look into the log each, however long it is.
            LEFT JOIN LATERAL (
                SELECT * FROM published_messages m
                WHERE m.event_id = t.event_id AND m.sequence = t.sequence AND m.message_id = t.message_id LIMIT 1
            ) m ON true
        """
    }

    private static func job(_ row: Row) throws -> WebhookJob {
        WebhookJob(
            id: try row.decode("id"), subscriptionID: try row.decode("subscription_id"), url: try row.decode("url"),
            generation: try row.decode("generation"), rotatedAt: try row.decode("rotated_at"),
            attempts: try row.decode("attempts"), isTroubled: try row.decode("is_troubled"),
            messageID: try row.decode("message_id"), message: try message(row))
    }

    private static func message(_ row: Row) throws -> CloudEvent? {
        let id = try row.decode("message_id", as: MessageID.self)
        let type = try row.decode("type", as: String.self)
        if type == CloudEvent.testType {
            let subscription = try row.decode("subscription_id", as: SubscriptionID.self)
            return .test(id, of: subscription, at: try row.decode("created_at"))
        }
        guard try row.decode("is_kept", as: Bool.self) else { return nil }
        return CloudEvent(
            id: id, type: type, subject: try row.decode("event_id", as: EventID?.self)?.description,
            time: try row.decode("occurred_at"), sequence: try row.decode("sequence"),
            traceparent: try row.decode("traceparent"), data: Array(try row.decode("data", as: String.self).utf8))
    }
}
