public import Domain
public import FoundationEssentials
public import Postgres

/// A notification and its delivery status.
public struct Notification: Sendable {
    public var id: NotificationID
    public var userID: UserID
    public var eventID: EventID?
    public var eventTitle: String?
    public var registrationID: RegistrationID?
    public var kind: NotificationKind
    public var channel: String
    public var status: NotificationStatus
    public var attempts: Int
    public var lastError: String?
    public var nextAttemptAt: Date?
    public var createdAt: Date
    public var sentAt: Date?
}

public struct PlannedNotification: Sendable {
    public var userID: UserID
    public var eventID: EventID
    public var registrationID: RegistrationID?
    public var ticketID: TicketID?
    public var kind: NotificationKind
    /// JSON that the template needs besides the rows it reads.
    public var details: [UInt8]?

    public init(
        userID: UserID, eventID: EventID, registrationID: RegistrationID?, ticketID: TicketID?,
        kind: NotificationKind, details: [UInt8]? = nil
    ) {
        self.userID = userID
        self.eventID = eventID
        self.registrationID = registrationID
        self.ticketID = ticketID
        self.kind = kind
        self.details = details
    }
}

public struct NotificationStore: Sendable {
    let database: Database

    public init(_ database: Database) { self.database = database }

    /// Plans notifications, with a job to send each. A duplicate cause plans nothing, and neither does a deleted
    /// account.
    /// - Returns: how many are new.
    @discardableResult
    public func plan(
        _ planned: [PlannedNotification], cause: MessageID, on transaction: Transaction
    ) async throws -> Int {
        let trace = TraceContext.current?.traceparent
        return try await plan(planned.map { (cause: cause, traceparent: trace, mail: $0) }, on: transaction)
    }

    /// Plans notifications for several messages, each with its own cause and trace.
    @discardableResult
    public func plan(
        _ planned: [(cause: MessageID, traceparent: String?, mail: PlannedNotification)], on transaction: Transaction
    ) async throws -> Int {
        guard !planned.isEmpty else { return 0 }
        let mails = planned.map(\.mail)
        let rows = try await transaction.query(
            """
            INSERT INTO notifications
                (id, user_id, event_id, registration_id, ticket_id, cause_id, kind, details, status, in_app)
            SELECT planned.id, planned.user_id, event_id, registration_id, ticket_id, cause_id, kind, details::jsonb,
                CASE WHEN p.mail IS FALSE THEN 'muted' ELSE 'queued' END, coalesce(p.in_app, true)
            FROM unnest(
                \(mails.map { _ in NotificationID() })::uuid[], \(mails.map(\.userID))::uuid[],
                \(mails.map(\.eventID))::uuid[], \(mails.map(\.registrationID))::uuid[],
                \(mails.map(\.ticketID))::uuid[], \(planned.map(\.cause))::uuid[], \(mails.map(\.kind))::text[],
                \(mails.map { $0.details.map { String(decoding: $0, as: UTF8.self) } })::text[],
                \(mails.map { $0.kind.topic?.rawValue })::text[])
                AS planned (id, user_id, event_id, registration_id, ticket_id, cause_id, kind, details, topic)
                LEFT JOIN notification_preferences p ON p.user_id = planned.user_id AND p.topic = planned.topic
            WHERE EXISTS (SELECT FROM users u WHERE u.id = planned.user_id AND u.deleted_at IS NULL)
            ON CONFLICT ON CONSTRAINT notifications_once DO NOTHING
            RETURNING id, user_id, event_id, kind, status, cause_id
            """)
        let traces = Dictionary(planned.map { ($0.cause, $0.traceparent) }) { first, _ in first }
        var jobs: [OutboxEntry] = []
        for row in rows {
            let data = try Self.data(row)
            let trace = traces[try row.decode("cause_id")] ?? nil
            var entries = [try OutboxEntry.live(.notificationChanged, event: data.eventId, data)]
            if data.status == .queued {
                entries.append(try .work(data.kind.isBulk ? .bulkMailSend : .mailSend, event: data.eventId, data))
            }
            for var entry in entries {
                entry.traceparent = trace
                jobs.append(entry)
            }
        }
        try await OutboxStore().append(jobs, on: transaction)
        return rows.count
    }

    /// Those of the registrations that were promoted from the waitlist.
    public func promoted(
        _ registrations: [RegistrationID], on transaction: Transaction
    ) async throws -> Set<RegistrationID> {
        let rows = try await transaction.query(
            "SELECT id FROM registrations WHERE id = ANY(\(registrations)) AND confirmed_at > created_at")
        return Set(try rows.map { try $0.decode("id", as: RegistrationID.self) })
    }

    /// Records that an email was sent, and commits, in one round trip: the last operation of its transaction.
    /// - Parameter reply: the mail server's response.
    public func commitSent(
        _ notification: Notification, reply: String?, at now: Date, on transaction: Transaction
    ) async throws {
        let attempt = DeliveryStore.attempt(.accepted, at: notification.id, now: now, detail: reply)
        let update: SQL = """
            UPDATE notifications SET status = 'sent', attempts = attempts + 1, sent_at = \(now), last_error = NULL,
                next_attempt_at = NULL, lease_token = NULL, lease_until = NULL, ask_at = NULL
            WHERE id = \(notification.id) AND status <> 'sent'
            """
        var news: [OutboxEntry] = []
        // Account notifications are not published.
        if let event = notification.eventID {
            let data = NotificationData(
                notificationId: notification.id, eventId: event, userId: notification.userID, kind: notification.kind,
                status: .sent)
            news = [try .live(.notificationChanged, event: event, data)]
        }
        try await transaction.commit(after: [attempt, update] + OutboxStore.insertions(news))
    }

    /// The consequence of a failed attempt.
    public enum Failure: Sendable, Hashable {
        /// A retry may succeed. `isUnknown`: the email may have arrived.
        case passing(isUnknown: Bool)
        /// The mail server rejected us, not the email: that doesn't count as an attempt.
        case aboutUs
    }

    /// Records a failed attempt that will be retried.
    /// - Parameter reason: the server's response.
    public func markRetrying(
        _ lease: MailLease, reason: String, _ failure: Failure = .passing(isUnknown: false), nextAttemptAt: Date,
        at now: Date, on transaction: Transaction
    ) async throws {
        let (isAboutUs, isUnknown) = (failure == .aboutUs, failure == .passing(isUnknown: true))
        try await settle(
            DeliveryStore.attempt(.deferred, at: lease.id, now: now, detail: reason, nextAttemptAt: nextAttemptAt),
            on: transaction,
            """
            UPDATE notifications SET status = 'retrying', attempts = attempts + 1, last_error = \(reason),
                next_attempt_at = \(nextAttemptAt), tries = tries + \(isAboutUs ? 0 : 1)::integer,
                unknown_tries = unknown_tries + \(isUnknown ? 1 : 0)::integer,
                blamed_us_at = CASE WHEN \(isAboutUs) THEN \(now) ELSE blamed_us_at END, lease_token = NULL,
                lease_until = NULL, ask_at = \(nextAttemptAt)
            WHERE \(fragment: Self.held(lease)) RETURNING id, user_id, event_id, kind, status
            """)
    }

    /// Marks a notification as failed, and publishes that.
    public func markFailed(
        _ lease: MailLease, reason: String, at now: Date, on transaction: Transaction
    ) async throws {
        try await settle(
            DeliveryStore.attempt(.failed, at: lease.id, now: now, detail: reason), isFailure: true, on: transaction,
            """
            UPDATE notifications SET status = 'failed', attempts = attempts + 1, last_error = \(reason),
                next_attempt_at = NULL, \(fragment: Self.letGo)
            WHERE \(fragment: Self.held(lease)) RETURNING id, user_id, event_id, kind, status
            """)
    }

    /// Records that an email was not attempted, because it was superseded since it was planned. Visible to its person,
    /// but not published as a delivery failure to organizers and integrators.
    public func markOvertaken(
        _ lease: MailLease, reason: String, at now: Date, on transaction: Transaction
    ) async throws {
        try await settle(
            DeliveryStore.attempt(.dropped, at: lease.id, now: now, detail: reason), on: transaction,
            """
            UPDATE notifications SET status = 'failed', last_error = \(reason), next_attempt_at = NULL,
                \(fragment: Self.letGo)
            WHERE \(fragment: Self.held(lease)) RETURNING id, user_id, event_id, kind, status
            """)
    }

    /// Records that the person has turned these emails off.
    public func markMuted(_ lease: MailLease, at now: Date, on transaction: Transaction) async throws {
        try await settle(
            DeliveryStore.attempt(.muted, at: lease.id, now: now, detail: nil), on: transaction,
            """
            UPDATE notifications SET status = 'muted', next_attempt_at = NULL, \(fragment: Self.letGo)
            WHERE \(fragment: Self.held(lease)) RETURNING id, user_id, event_id, kind, status
            """)
    }

    private static let letGo: SQL = "lease_token = NULL, lease_until = NULL, ask_at = NULL"

    private static func held(_ lease: MailLease) -> SQL {
        "id = \(lease.id) AND lease_token = \(lease.token) AND status <> 'sent'"
    }

    private func settle(
        _ attempt: SQL, isFailure: Bool = false, on transaction: Transaction, _ update: SQL
    ) async throws {
        // Sent meanwhile, or another worker's by now: then nothing failed, and nothing is published.
        guard let row = try await transaction.query(update).first else { return }
        _ = try await transaction.query(attempt)
        let data = try Self.data(row)
        // Account notifications are not published.
        guard let event = data.eventId else { return }
        var messages = [try OutboxEntry.live(.notificationChanged, event: event, data)]
        if isFailure {
            let owners = try await transaction.query("SELECT owner_id FROM events WHERE id = \(event)")
            if let owner = try owners.first?.decode("owner_id", as: UserID.self) {
                messages.append(try .fact(.notificationFailed, event: event, owner: owner, data))
            }
        }
        try await OutboxStore().append(messages, on: transaction)
    }

    static func data(_ row: Row) throws -> NotificationData {
        NotificationData(
            notificationId: try row.decode("id"), eventId: try row.decode("event_id"),
            userId: try row.decode("user_id"), kind: try row.decode("kind"), status: try row.decode("status"))
    }

    static let selection: SQL = """
        SELECT n.id, n.user_id, n.event_id, e.title AS event_title, n.registration_id, n.kind, n.channel, n.status,
            n.attempts, n.last_error, n.next_attempt_at, n.created_at, n.sent_at
        FROM notifications n LEFT JOIN events e ON e.id = n.event_id
        """

    static func notification(_ row: Row) throws -> Notification {
        Notification(
            id: try row.decode("id"), userID: try row.decode("user_id"), eventID: try row.decode("event_id"),
            eventTitle: try row.decode("event_title"), registrationID: try row.decode("registration_id"),
            kind: try row.decode("kind"), channel: try row.decode("channel"), status: try row.decode("status"),
            attempts: try row.decode("attempts"), lastError: try row.decode("last_error"),
            nextAttemptAt: try row.decode("next_attempt_at"), createdAt: try row.decode("created_at"),
            sentAt: try row.decode("sent_at"))
    }
}
