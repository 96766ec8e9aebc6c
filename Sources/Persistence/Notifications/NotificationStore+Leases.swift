public import Domain
public import FoundationEssentials
public import Postgres

/// A worker's lease of an email.
public struct MailLease: Sendable, Hashable {
    public var id: NotificationID
    var token: UUID
    /// Failed attempts so far, and those of unknown outcome.
    public var tries: Int
    public var unknownTries: Int
}

/// Leases of emails: one worker at a time sends an email, as long as it renews its lease.
extension NotificationStore {
    /// The duration of a lease, in seconds, unless it is renewed: if the worker dies, the email is due again after
    /// that.
    public static let leaseSeconds = 20.0

    /// Leases an email that is to be sent now; nil if there is nothing to do: it was sent or settled, the message is a
    /// duplicate, another worker has it, or it isn't due.
    ///
    /// A failed one starts over: an administrator requested it.
    public func lease(
        _ id: NotificationID, because message: MessageID, consumer: String, now: Date
    ) async throws -> MailLease? {
        let token = UUID()
        let rows = try await database.execute(
            """
            UPDATE notifications SET lease_token = \(token), lease_until = \(now + Self.leaseSeconds),
                ask_at = \(now + Self.leaseSeconds),
                tries = CASE status WHEN 'failed' THEN 0 ELSE tries END,
                unknown_tries = CASE status WHEN 'failed' THEN 0 ELSE unknown_tries END
            WHERE id = \(id) AND status IN ('queued', 'retrying', 'failed')
                AND (lease_until IS NULL OR lease_until <= \(now))
                AND (status <> 'retrying' OR next_attempt_at IS NULL OR next_attempt_at <= \(now))
                AND NOT EXISTS (SELECT FROM inbox WHERE consumer = \(consumer) AND message_id = \(message))
            RETURNING tries, unknown_tries
            """)
        return try rows.first.map {
            MailLease(
                id: id, token: token, tries: try $0.decode("tries"), unknownTries: try $0.decode("unknown_tries"))
        }
    }

    /// Renews a lease. False if it is another worker's by now.
    public func renew(_ lease: MailLease, now: Date) async throws -> Bool {
        try await database.execute(
            """
            UPDATE notifications SET lease_until = \(now + Self.leaseSeconds), ask_at = \(now + Self.leaseSeconds)
            WHERE id = \(lease.id) AND lease_token = \(lease.token)
            """
        ).affectedRows > 0
    }

    /// Releases an email that was not attempted.
    /// - Parameter time: when it is due again; nil if it is no longer to be sent.
    public func release(_ lease: MailLease, dueAt time: Date?) async throws {
        try await database.execute(
            """
            UPDATE notifications SET lease_token = NULL, lease_until = NULL, ask_at = \(time)
            WHERE id = \(lease.id) AND lease_token = \(lease.token)
            """)
    }

    /// Requeues emails that are due, or whose worker has died, with a message each. A request without a result is
    /// repeated after ``patienceSeconds``.
    /// - Returns: how many.
    public func askForDue(now: Date, limit: Int, on transaction: Transaction) async throws -> Int {
        let rows = try await transaction.query(
            """
            WITH due AS (SELECT id FROM notifications WHERE ask_at <= \(now) ORDER BY ask_at LIMIT \(limit))
            UPDATE notifications n SET lease_token = NULL, lease_until = NULL,
                ask_at = CASE WHEN n.status IN ('queued', 'retrying') THEN \(now + Self.patienceSeconds)::timestamptz END
            FROM due WHERE n.id = due.id
            RETURNING n.id, n.user_id, n.event_id, n.kind, n.status
            """)
        let jobs = try rows.compactMap { row -> OutboxEntry? in
            let data = try Self.data(row)
            guard data.status == .queued || data.status == .retrying else { return nil }
            return try OutboxEntry.work(data.kind.isBulk ? .bulkMailSend : .mailSend, event: data.eventId, data)
        }
        try await OutboxStore().append(jobs, on: transaction)
        return jobs.count
    }

    /// When a request without a result is repeated.
    private static let patienceSeconds = 900.0
}
