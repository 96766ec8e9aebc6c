public import Domain
public import FoundationEssentials
public import Postgres

/// An email to all of an event's people, or to an audience among them.
public struct Mailing: Sendable {
    public var eventID: EventID
    public var audience: Audience
    public var at: Date
    public var doneAt: Date?
    /// For an announcement.
    public var announcement: Announcement?
    public var progress: MailingProgress
}

/// Mailings: planned in bounded steps, so that no transaction grows with the event, and a crash only repeats one step.
///
/// Each step's transaction stores the notifications of the next registrations, advances the cursor, and leaves the
/// message for the next step in the outbox.
public struct MailingStore: Sendable {
    let database: Database
    let notifications: NotificationStore

    public init(_ database: Database) {
        self.database = database
        notifications = NotificationStore(database)
    }

    /// Starts a mailing now; does nothing if one with this id was started before.
    /// - Parameter details: JSON that the template needs besides the rows it reads.
    public func begin(
        _ id: MailingID, about event: EventID, _ kind: NotificationKind, to audience: Audience = .all,
        details: [UInt8]? = nil, now: Date, on transaction: Transaction
    ) async throws {
        let begun = try await transaction.query(
            """
            INSERT INTO mailings (id, event_id, kind, audience, details, status, at, recipients)
            SELECT \(id), \(event), \(kind), \(audience), \(details.map { String(decoding: $0, as: UTF8.self) })::text::jsonb,
                'planning', \(now), (\(fragment: Self.size(of: audience, at: event)))
            ON CONFLICT (id) DO NOTHING RETURNING id
            """)
        if !begun.isEmpty { try await tell(id, of: event, hasNextStep: true, on: transaction) }
    }

    public func schedule(
        _ id: MailingID, about event: EventID, _ kind: NotificationKind, to audience: Audience, at time: Date,
        on transaction: Transaction
    ) async throws {
        _ = try await transaction.query(
            """
            INSERT INTO mailings (id, event_id, kind, audience, status, at)
            VALUES (\(id), \(event), \(kind), \(audience), 'scheduled', \(time))
            """)
        try await tell(id, of: event, hasNextStep: false, on: transaction)
    }

    /// Cancels a scheduled one; false if it has started.
    public func cancel(_ id: MailingID, of event: EventID, on transaction: Transaction) async throws -> Bool {
        let cancelled = try await transaction.query(
            """
            UPDATE mailings SET status = 'cancelled' WHERE id = \(id) AND event_id = \(event) AND status = 'scheduled'
            """)
        guard cancelled.affectedRows > 0 else { return false }
        try await tell(id, of: event, hasNextStep: false, on: transaction)
        return true
    }

    /// Whether the caller gets the scheduler's lock, until the transaction ends.
    public func takeClock(on transaction: Transaction) async throws -> Bool {
        try await transaction.query("SELECT pg_try_advisory_xact_lock(\(AdvisoryLock.mailingClock)::int, 0) AS taken")
            .first?.decode("taken") ?? false
    }

    /// Starts the mailings that are due, and returns their ids; those of canceled or past events are canceled.
    public func beginDue(now: Date, on transaction: Transaction) async throws -> [MailingID] {
        let due = try await transaction.query(
            """
            SELECT m.id, m.event_id, m.audience, e.status = 'published' AND e.ends_at > \(now) AS makes_sense
            FROM mailings m JOIN events e ON e.id = m.event_id
            WHERE m.status = 'scheduled' AND m.at <= \(now)
            ORDER BY m.at, m.id LIMIT 100 FOR UPDATE OF m SKIP LOCKED
            """)
        var begun: [MailingID] = []
        for row in due {
            let id = try row.decode("id", as: MailingID.self)
            let event = try row.decode("event_id", as: EventID.self)
            guard try row.decode("makes_sense", as: Bool.self) else {
                _ = try await cancel(id, of: event, on: transaction)
                continue
            }
            _ = try await transaction.query(
                """
                UPDATE mailings SET status = 'planning', at = \(now),
                    recipients = (\(fragment: Self.size(of: try row.decode("audience"), at: event)))
                WHERE id = \(id)
                """)
            try await tell(id, of: event, hasNextStep: true, on: transaction)
            begun.append(id)
        }
        return begun
    }

    /// Plans the next step of a mailing: the notifications of at most `limit` people, and the message for the next
    /// step. Does nothing for a fully planned mailing.
    public func planStep(of id: MailingID, limit: Int, on transaction: Transaction) async throws {
        let rows = try await transaction.query(
            """
            SELECT event_id, kind, audience, details, at, last_at, last_id FROM mailings
            WHERE id = \(id) AND status = 'planning' FOR UPDATE
            """)
        guard let row = rows.first else { return }
        let event = try row.decode("event_id", as: EventID.self)
        let kind = try row.decode("kind", as: NotificationKind.self)
        let details = try row.decode("details", as: String?.self).map { Array($0.utf8) }
        let people = try await people(of: row, limit: limit, on: transaction)
        let planned = people.map { person in
            PlannedNotification(
                userID: person.user, eventID: event, registrationID: person.registration, ticketID: nil, kind: kind,
                details: details)
        }
        let number = try await notifications.plan(planned, cause: MessageID(id.uuid), on: transaction)
        let isLast = people.count < limit
        _ = try await transaction.query(
            """
            UPDATE mailings SET planned = planned + \(number), status = \(isLast ? MailingStatus.sending : .planning),
                last_at = coalesce(\(people.last?.at), last_at), last_id = coalesce(\(people.last?.registration), last_id)
            WHERE id = \(id)
            """)
        try await tell(id, of: event, hasNextStep: !isLast, on: transaction)
    }

    private func people(
        of mailing: Row, limit: Int, on transaction: Transaction
    ) async throws -> [(user: UserID, registration: RegistrationID, at: Date)] {
        let last = try mailing.decode("last_id", as: UUID?.self).map { id in
            PageKey(at: try mailing.decode("last_at"), id: id)
        }
        return try await transaction.query(
            """
            SELECT r.user_id, r.id, r.created_at FROM registrations r
            WHERE r.event_id = \(try mailing.decode("event_id", as: EventID.self))
                AND r.created_at <= \(try mailing.decode("at", as: Date.self))
                \(given: last, { "AND (r.created_at, r.id) > (\($0.at), \($0.id))" })
                AND \(fragment: Self.condition(try mailing.decode("audience")))
            ORDER BY r.created_at, r.id LIMIT \(limit)
            """
        ).map { (try $0.decode("user_id"), try $0.decode("id"), try $0.decode("created_at")) }
    }

    /// Marks mailings without waiting emails as done. Returns how many.
    public func close(now: Date, on transaction: Transaction) async throws -> Int {
        let closed = try await transaction.query(
            """
            UPDATE mailings m SET status = 'done', done_at = \(now)
            WHERE m.status = 'sending' AND NOT EXISTS (
                SELECT FROM notifications n WHERE n.cause_id = m.id AND n.status IN ('queued', 'retrying'))
            RETURNING id, event_id
            """)
        for row in closed {
            try await tell(
                try row.decode("id"), of: try row.decode("event_id"), hasNextStep: false, on: transaction)
        }
        return closed.count
    }

    /// Publishes the change to dashboards, and the job of the next step.
    private func tell(
        _ id: MailingID, of event: EventID, hasNextStep: Bool, on transaction: Transaction
    ) async throws {
        let data = MailingData(eventId: event, mailingId: id)
        var entries = [try OutboxEntry.live(.mailingChanged, event: event, data)]
        if hasNextStep { entries.append(try .work(.mailingPlan, event: event, data)) }
        try await OutboxStore().append(entries, on: transaction)
    }

    /// The condition that registration `r` belongs to the audience.
    static func condition(_ audience: Audience) -> SQL {
        switch audience {
        case .all: "r.status <> 'cancelled'"
        case .confirmed: "r.status = 'confirmed'"
        case .waitlisted: "r.status = 'waitlisted'"
        case .checkedIn:
            "r.status = 'confirmed' AND EXISTS (SELECT FROM check_ins c WHERE c.registration_id = r.id)"
        }
    }

    /// The approximate number of recipients, shown until all are planned; from the event's counters, whatever its size.
    /// Only checked-in people are counted.
    private static func size(of audience: Audience, at event: EventID) -> SQL {
        switch audience {
        case .all: "SELECT confirmed + waitlisted FROM event_places WHERE event_id = \(event)"
        case .confirmed: "SELECT confirmed FROM event_places WHERE event_id = \(event)"
        case .waitlisted: "SELECT waitlisted FROM event_places WHERE event_id = \(event)"
        case .checkedIn: "SELECT count(*) FROM check_ins WHERE event_id = \(event)"
        }
    }
}

// MARK: Reading

extension MailingStore {
    /// An event's mailings, newest first.
    public func list(of event: EventID, after: PageKey?, limit: Int) async throws -> Page<Mailing> {
        let rows = try await database.list(
            """
            \(fragment: Self.selection(
                """
                WHERE event_id = \(event) \(given: after, { "AND (at, id) < (\($0.at), \($0.id))" })
                ORDER BY at DESC, id DESC LIMIT \(limit + 1)
                """))
            ORDER BY m.at DESC, m.id DESC
            """)
        return Page(try rows.map(Self.mailing), limit: limit) { PageKey(at: $0.at, id: $0.progress.id.uuid) }
    }

    public func find(_ id: MailingID, of event: EventID) async throws -> Mailing? {
        try await database.read(Self.selection("WHERE id = \(id) AND event_id = \(event)")).first.map(Self.mailing)
    }

    /// The approximate number of people that an announcement would reach now, and how many of them want it by email:
    /// from the event's counters, and the few who have turned it off.
    public func reach(_ audience: Audience, at event: EventID) async throws -> (recipients: Int, mails: Int) {
        let rows = try await database.list(
            """
            SELECT (\(fragment: Self.size(of: audience, at: event)))::bigint AS recipients, (
                -- Both lists are read by an index, once; joined, one would be looked up row by row.
                SELECT count(*) FROM (
                    SELECT r.user_id FROM registrations r
                    WHERE r.event_id = \(event) AND \(fragment: Self.condition(audience))
                    INTERSECT SELECT user_id FROM notification_preferences WHERE topic = 'announcements' AND NOT mail
                ) people) AS unwanted
            """)
        guard let row = rows.first else { return (0, 0) }
        let recipients = try row.decode("recipients", as: Int.self)
        return (recipients, max(0, recipients - (try row.decode("unwanted", as: Int.self))))
    }

    private static func selection(_ chosen: SQL) -> SQL {
        """
        SELECT m.*, a.title, a.body, a.at AS announced_at, a.status AS announcement_status, u.display_name,
            \(fragment: progressColumns)
        FROM (SELECT * FROM mailings \(fragment: chosen)) m
            LEFT JOIN announcements a ON a.id = m.id LEFT JOIN users u ON u.id = a.author_id
            \(fragment: progressCounts)
        """
    }

    static let progressColumns: SQL = """
        greatest(m.planned, CASE WHEN m.status IN ('planning', 'scheduled') THEN m.recipients END) AS expected,
        n.queued, n.sent, n.retrying, n.failed, n.muted
        """

    /// Uses the index on causes.
    static let progressCounts: SQL = """
        CROSS JOIN LATERAL (
            SELECT count(*) FILTER (WHERE status = 'queued') AS queued, count(*) FILTER (WHERE status = 'sent') AS sent,
                count(*) FILTER (WHERE status = 'retrying') AS retrying,
                count(*) FILTER (WHERE status = 'failed') AS failed, count(*) FILTER (WHERE status = 'muted') AS muted
            FROM notifications WHERE cause_id = m.id
        ) n
        """

    static func progress(_ row: Row) throws -> MailingProgress {
        MailingProgress(
            id: try row.decode("id"), kind: try row.decode("kind"), status: try row.decode("status"),
            recipients: try row.decode("expected"), queued: try row.decode("queued"), sent: try row.decode("sent"),
            retrying: try row.decode("retrying"), failed: try row.decode("failed"), muted: try row.decode("muted"))
    }

    private static func mailing(_ row: Row) throws -> Mailing {
        let progress = try progress(row)
        let event = try row.decode("event_id", as: EventID.self)
        let audience = try row.decode("audience", as: Audience.self)
        var announcement: Announcement?
        if let title = try row.decode("title", as: String?.self) {
            announcement = Announcement(
                id: AnnouncementID(progress.id.uuid), eventID: event, title: title, body: try row.decode("body"),
                at: try row.decode("announced_at"), authorName: try row.decode("display_name"), audience: audience,
                status: try row.decode("announcement_status"))
        }
        return Mailing(
            eventID: event, audience: audience, at: try row.decode("at"), doneAt: try row.decode("done_at"),
            announcement: announcement, progress: progress)
    }
}
