public import Domain
public import FoundationEssentials
public import Postgres

/// A fact that webhooks may be owed.
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

/// A delivery that one process has in hand.
public struct WebhookJob: Sendable {
    public var id: WebhookDeliveryID
    public var subscriptionID: SubscriptionID
    public var url: String
    /// Of the secret, and when it began.
    public var generation: Int
    public var rotatedAt: Date?
    /// Attempts so far.
    public var attempts: Int
    /// The subscription's last tries failed or took long, or there were none.
    public var isTroubled: Bool
    public var messageID: MessageID
    /// As it was published; nil when the event log no longer has it.
    public var message: CloudEvent?
}

/// What is owed to webhooks, who has it in hand, and how it went.
public struct WebhookStore: Sendable {
    /// `last_delivery_at` is no more precise, in seconds: a busy subscription's row is written rarely.
    static let precision = 5.0

    let database: Database

    public init(_ database: Database) { self.database = database }

    /// Whether any subscription wants webhooks at all.
    public func isWanted() async throws -> Bool {
        try await database.read(
            "SELECT EXISTS (SELECT FROM subscriptions s WHERE \(fragment: Self.isActive)) AS is_wanted"
        ).first?.decode("is_wanted") ?? false
    }

    static let isActive: SQL = "s.delivery = 'webhook' AND s.status = 'active' AND s.ended_at IS NULL"

    /// Writes down who is owed these facts: once, whatever comes again. Returns how many deliveries there are now that
    /// were not there before.
    ///
    /// Who wants every event's facts has to be an admin still.
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

    /// The subscriptions that are for `fact`. Those for their own events' facts are found by whose they are, the few for everybody's
    /// by an index of theirs.
    static let wanting: SQL = """
        SELECT s.* FROM subscriptions s
        WHERE s.scope = 'own' AND s.user_id = fact.owner_id AND \(fragment: wants)
        UNION ALL SELECT s.* FROM subscriptions s WHERE s.scope = 'all' AND \(fragment: wants)
        """

    /// Whether subscription `s` takes what `fact` is. A message may have been committed by a server whose clock is a little behind.
    private static let wants: SQL = """
        \(fragment: isActive) AND s.created_at <= fact.at + interval '5 seconds'
            AND s.types && ARRAY[fact.type, regexp_replace(fact.type, '[^.]+$', '*'), '*']
        """

    /// Whether person `u` may have it: every event's facts are for administrators.
    static let mayWant: SQL = "u.id = s.user_id AND \(fragment: SubscriptionStore.isEntitled)"

    /// Takes what is due, for `lease` seconds; nil when another process is at it.
    ///
    /// Each subscription is looked at by itself: `share` of its deliveries may be in hand at a time, one while it fails,
    /// is slow or has never answered, none while it rests. Whose rows wait by the thousand takes no more of anybody's time than others.
    /// - Parameters:
    ///   - limit: how many at most for subscriptions that do well.
    ///   - troubled: how many at most for the others.
    public func claim(
        limit: Int, troubled: Int, share: Int, lease: TimeInterval, now: Date
    ) async throws -> [WebhookJob]? {
        try await database.transaction { transaction in
            // One at a time: whoever comes second would count without what the first is taking.
            let held = try await transaction.query(
                "SELECT pg_try_advisory_xact_lock(\(AdvisoryLock.webhookClaim)) AS held"
            ).first
            guard let held, try held.decode("held", as: Bool.self) else { return nil }
            let rows = try await transaction.query(
                Self.claiming(limit: limit, troubled: troubled, share: share, until: now + lease, now: now))
            return try rows.map(Self.job)
        }
    }

    /// The subscriptions that something is still to be delivered to, `pending`: from one to the next along the index of what is
    /// not over, so that those with nothing cost nothing.
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
