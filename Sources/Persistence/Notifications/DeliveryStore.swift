public import Domain
public import FoundationEssentials
public import Postgres

public enum DeliveryOutcome: String, Codable, Sendable, CaseIterable {
    /// The mail server has accepted the email.
    case accepted
    /// Deferred: it will be retried.
    case deferred
    /// Failed permanently.
    case failed
    /// Not attempted: superseded by something that happened since it was planned.
    case dropped
    /// Not attempted: the person has turned these emails off.
    case muted
}

extension DeliveryOutcome: PostgresEncodable, PostgresDecodable {}

/// An entry of a registration's history, or of an email about its event.
public struct DeliveryStep: Hashable, Sendable {
    public enum Name: String, Codable, Sendable, CaseIterable {
        case registered, waitlisted, promoted, cancelled, ticketIssued, ticketRevoked, checkedIn
        /// An email is planned, or would be if the person wanted it.
        case mailPlanned, mailMuted
        case mailAccepted, mailDeferred, mailFailed, mailDropped
        /// In the app.
        case read
    }

    /// Stable between reads; orders simultaneous entries.
    var id: UUID
    public var at: Date
    public var name: Name
    public var notificationID: NotificationID?
    public var kind: NotificationKind?
    /// The mail server's response, or what happened.
    public var detail: String?
    public var nextAttemptAt: Date?
}

extension DeliveryStep.Name: PostgresEncodable, PostgresDecodable {}

/// The unsent emails.
public struct DeliveryBacklog: Hashable, Sendable {
    public var unsent: Int
    public var oldestAt: Date?
    public var retrying: Int
    /// Failed within the last day; for an event: ever, except for those sent again.
    public var failed: Int
}

/// Whether emails are sent.
public struct SendingState: Hashable, Sendable {
    /// Nil while they are.
    public var pausedAt: Date?
    /// Nil for an automatic pause.
    public var pausedBy: UserID?
    public var pausedByName: String?
    /// The reason of an automatic pause: the response of the mail server that rejects us.
    public var reason: String?
}

/// The authoritative record of deliveries.
public struct DeliveryStore: Sendable {
    let database: Database

    public init(_ database: Database) { self.database = database }

    /// The history of a registration and of its person's emails about the event; oldest first. An earlier holder's
    /// emails are excluded. Limited to the latest two hundred emails.
    public func timeline(
        of registration: RegistrationID, after: PageKey?, limit: Int
    ) async throws -> Page<DeliveryStep> {
        let rows = try await database.list(
            """
            WITH r AS (
                SELECT r.id, r.event_id, r.user_id, r.created_at, r.line_number, r.confirmed_at,
                    \(fragment: RegistrationStore.shownCancellation)
                FROM registrations r JOIN events e ON e.id = r.event_id WHERE r.id = \(registration)
            ), n AS (
                -- By the person, never by the event: hence no equality.
                SELECT n.* FROM notifications n JOIN r
                    ON n.user_id = r.user_id AND n.event_id IS NOT DISTINCT FROM r.event_id
                ORDER BY n.created_at DESC LIMIT 200
            ), steps AS (
                SELECT created_at AS at, CASE WHEN line_number IS NULL THEN 'registered' ELSE 'waitlisted' END AS name,
                    NULL::uuid AS notification_id, NULL AS kind, NULL AS detail, NULL::timestamptz AS next_attempt_at,
                    0 AS place, r.id::text AS source
                FROM r
                UNION ALL SELECT confirmed_at, 'promoted', NULL, NULL, NULL, NULL, 1, r.id::text FROM r
                    WHERE line_number IS NOT NULL AND confirmed_at IS NOT NULL
                UNION ALL SELECT cancelled_at, 'cancelled', NULL, NULL, NULL, NULL, 2, r.id::text FROM r
                    WHERE cancelled_at IS NOT NULL
                UNION ALL SELECT t.issued_at, 'ticketIssued', NULL, NULL, NULL, NULL, 3, t.id::text
                    FROM tickets t JOIN r ON t.registration_id = r.id
                UNION ALL SELECT \(fragment: TicketStore.shownRevocation), 'ticketRevoked', NULL, NULL, NULL, NULL, 4,
                        t.id::text
                    FROM tickets t JOIN r ON t.registration_id = r.id JOIN events e ON e.id = t.event_id
                    WHERE \(fragment: TicketStore.shownRevocation) IS NOT NULL
                UNION ALL SELECT c.at, 'checkedIn', NULL, NULL, NULL, NULL, 5, c.id::text
                    FROM check_ins c JOIN r ON c.registration_id = r.id
                UNION ALL SELECT created_at, CASE status WHEN 'muted' THEN 'mailMuted' ELSE 'mailPlanned' END, id, kind,
                    NULL, NULL, 6, id::text FROM n
                UNION ALL SELECT a.at, CASE a.outcome WHEN 'accepted' THEN 'mailAccepted' WHEN 'deferred' THEN 'mailDeferred'
                        WHEN 'failed' THEN 'mailFailed' WHEN 'dropped' THEN 'mailDropped' ELSE 'mailMuted' END,
                    n.id, n.kind, a.detail, a.next_attempt_at, 7,
                    lpad(to_hex(a.id), 32, '0') FROM delivery_attempts a JOIN n ON n.id = a.notification_id
                -- Whose attempts are not kept any more.
                UNION ALL SELECT coalesce(sent_at, created_at),
                        CASE WHEN sent_at IS NULL THEN 'mailFailed' ELSE 'mailAccepted' END,
                        id, kind, last_error, NULL, 8, id::text FROM n
                    WHERE (sent_at IS NOT NULL OR status = 'failed' AND attempts > 0)
                        AND NOT EXISTS (SELECT FROM delivery_attempts a WHERE a.notification_id = n.id)
                UNION ALL SELECT read_at, 'read', id, kind, NULL, NULL, 9, id::text FROM n
                    WHERE read_at IS NOT NULL AND in_app
            ), numbered AS (
                -- What happened at one moment in its order, and each step under a name that stays.
                SELECT *, (lpad(to_hex(place), 2, '0') || substr(replace(source, '-', ''), 3))::uuid AS id FROM steps
            )
            SELECT * FROM numbered \(given: after, { "WHERE (at, id) > (\($0.at), \($0.id))" })
            ORDER BY at, id LIMIT \(limit + 1)
            """)
        let steps = try rows.map { row in
            DeliveryStep(
                id: try row.decode("id"), at: try row.decode("at"), name: try row.decode("name"),
                notificationID: try row.decode("notification_id"),
                kind: try row.decode("kind"), detail: try row.decode("detail"),
                nextAttemptAt: try row.decode("next_attempt_at"))
        }
        return Page(steps, limit: limit) { PageKey(at: $0.at, id: $0.id) }
    }

    /// The statement that records an attempt at a notification; does nothing for one that was sent before.
    static func attempt(
        _ outcome: DeliveryOutcome, at id: NotificationID, now: Date, detail: String?, nextAttemptAt: Date? = nil
    ) -> SQL {
        """
        INSERT INTO delivery_attempts (notification_id, at, outcome, detail, next_attempt_at)
        SELECT id, \(now), \(outcome), \(detail), \(nextAttemptAt) FROM notifications
        WHERE id = \(id) AND status <> 'sent'
        """
    }

    /// Deletes attempts from before `time`, at most `limit`: the email keeps its outcome. Returns how many.
    public func pruneAttempts(before time: Date, limit: Int, on transaction: Transaction) async throws -> Int {
        try await transaction.query(
            """
            DELETE FROM delivery_attempts WHERE (notification_id, id) IN (
                SELECT notification_id, id FROM delivery_attempts WHERE at < \(time) ORDER BY at LIMIT \(limit))
            """
        ).affectedRows
    }

    /// All unsent emails.
    public func backlog(now: Date) async throws -> DeliveryBacklog {
        let rows = try await database.read(
            """
            SELECT count(*) AS unsent, min(created_at) AS oldest_at, count(*) FILTER (WHERE status = 'retrying') AS retrying,
                (SELECT count(*) FROM delivery_attempts a JOIN notifications n ON n.id = a.notification_id
                    WHERE n.status = 'failed' AND n.attempts > 0 AND a.outcome = 'failed'
                        AND a.at > \(now)::timestamptz - interval '1 day') AS failed
            FROM notifications WHERE status IN ('queued', 'retrying')
            """)
        return try Self.backlog(rows)
    }

    /// An event's unsent emails.
    public func backlog(of event: EventID) async throws -> DeliveryBacklog {
        async let waiting = database.read(
            """
            SELECT count(*) AS unsent, min(created_at) AS oldest_at,
                count(*) FILTER (WHERE status = 'retrying') AS retrying, 0::bigint AS failed
            FROM notifications WHERE event_id = \(event) AND status IN ('queued', 'retrying')
            """)
        async let problems = LiveStore(database).deliveryProblems(of: [event])
        var backlog = try Self.backlog(try await waiting)
        backlog.failed = try await problems[event]?.failed ?? 0
        return backlog
    }

    private static func backlog(_ rows: QueryResult) throws -> DeliveryBacklog {
        guard let row = rows.first else { return DeliveryBacklog(unsent: 0, oldestAt: nil, retrying: 0, failed: 0) }
        return DeliveryBacklog(
            unsent: try row.decode("unsent"), oldestAt: try row.decode("oldest_at"),
            retrying: try row.decode("retrying"), failed: try row.decode("failed"))
    }

    /// Whether mails are sent.
    public func sending() async throws -> SendingState {
        let rows = try await database.read(
            """
            SELECT s.paused_at, s.paused_by, s.reason, u.display_name FROM sending s LEFT JOIN users u ON u.id = s.paused_by
            """)
        return try Self.sending(rows)
    }

    /// When sending was paused, by whomever; nil while it is not.
    public func pausedSince() async throws -> Date? {
        try await database.read("SELECT paused_at FROM sending").first?.decode("paused_at")
    }

    /// The instructions for senders.
    public enum Orders: Sendable, Hashable {
        case send
        /// An administrator has paused sending.
        case pause
        /// The mail server rejects us: only a probe is sent from time to time.
        case probe
    }

    /// The current instructions.
    public func orders() async throws -> Orders {
        let row = try await database.read(
            "SELECT paused_at IS NOT NULL AS is_paused, reason IS NOT NULL AS is_refused FROM sending"
        ).first
        guard let row, try row.decode("is_paused") else { return .send }
        return try row.decode("is_refused") ? .probe : .pause
    }

    /// Pauses sending; emails in flight are still delivered. Nothing is lost: they wait. Idempotent.
    public func pause(by user: UserID, now: Date, on transaction: Transaction) async throws -> Bool {
        try await transaction.query(
            """
            UPDATE sending SET paused_at = \(now), paused_by = \(user), reason = NULL, next_probe_at = NULL
            WHERE paused_by IS NULL
            """
        ).affectedRows > 0
    }

    /// Resumes sending.
    public func resume(on transaction: Transaction) async throws -> Bool {
        try await transaction.query(
            """
            UPDATE sending SET paused_at = NULL, paused_by = NULL, reason = NULL, next_probe_at = NULL
            WHERE paused_at IS NOT NULL
            """
        ).affectedRows > 0
    }

    /// Pauses because the mail server rejects us; an administrator's pause stays one.
    /// - Returns: whether that is new.
    public func pause(because reason: String, probingAt time: Date, now: Date, on transaction: Transaction) async throws
        -> Bool
    {
        let rows = try await transaction.query(
            """
            UPDATE sending s SET paused_at = coalesce(s.paused_at, \(now)), reason = \(reason), next_probe_at = \(time)
            FROM (SELECT paused_at FROM sending FOR UPDATE) before
            WHERE s.paused_by IS NULL RETURNING before.paused_at IS NULL AS is_new
            """)
        return try rows.first?.decode("is_new") ?? false
    }

    /// Whether one email can be tried now, while the mail server rejects us: one per interval, among all callers.
    public func takeProbe(now: Date, next: Date) async throws -> Bool {
        try await database.execute(
            "UPDATE sending SET next_probe_at = \(next) WHERE reason IS NOT NULL AND next_probe_at <= \(now)"
        ).affectedRows > 0
    }

    /// Ends an automatic pause: an email was accepted.
    public func endProbing(now: Date, on transaction: Transaction) async throws {
        _ = try await transaction.query(
            """
            UPDATE sending SET paused_at = NULL, reason = NULL, next_probe_at = NULL, proved_at = \(now)
            WHERE reason IS NOT NULL
            """)
    }

    /// Whether other emails were accepted since the mail server last rejected us because of this one: then this email
    /// is the problem, whatever the server says.
    public func isAlone(_ id: NotificationID, on transaction: Transaction) async throws -> Bool {
        try await transaction.query(
            """
            SELECT coalesce(s.proved_at > n.blamed_us_at, false) AS is_alone FROM notifications n, sending s
            WHERE n.id = \(id)
            """
        ).first?.decode("is_alone") ?? false
    }

    private static func sending(_ rows: QueryResult) throws -> SendingState {
        guard let row = rows.first else { return SendingState() }
        return SendingState(
            pausedAt: try row.decode("paused_at"), pausedBy: try row.decode("paused_by"),
            pausedByName: try row.decode("display_name"), reason: try row.decode("reason"))
    }
}
