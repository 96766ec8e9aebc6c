public import Domain
public import FoundationEssentials
public import Postgres

/// The erasure of a person, which keeps what counts refer to: past registrations, tickets and check-ins stay, with a
/// nameless person. What grows only with the person is erased at once; what may have grown to thousands of rows, in
/// steps (``PendingStepStore``).
public struct AccountErasure: Sendable {
    /// The account's name afterwards.
    public static let name = "Deleted account"

    let database: Database

    public init(_ database: Database) { self.database = database }

    /// A person's upcoming registrations, to be canceled first, so that their spots are freed. Checked-in ones stay.
    public func registrationsAhead(of user: UserID, now: Date) async throws -> [Registration] {
        try await database.read(
            """
            SELECT r.id, r.event_id, r.user_id, r.status, r.created_at, r.confirmed_at, r.cancelled_at,
                r.cancellation_reason, NULL::bigint AS position
            FROM registrations r JOIN events e ON e.id = r.event_id
            WHERE r.user_id = \(user) AND r.status <> 'cancelled' AND e.ends_at > \(now) AND e.status = 'published'
                AND NOT EXISTS (SELECT FROM check_ins c WHERE c.registration_id = r.id)
            ORDER BY r.created_at, r.id
            """
        ).map(RegistrationStore.registration)
    }

    /// Locks an account and checks that it can be erased.
    /// - Returns: its email.
    /// - Throws: ``DomainError/notFound``, ``DomainError/lastAdmin``, ``DomainError/eventsAhead``.
    @discardableResult
    public func requireErasable(_ user: UserID, now: Date, on transaction: Transaction) async throws -> String {
        let held = try await transaction.pipeline([
            "SELECT id FROM users WHERE role = 'admin' AND locked_at IS NULL ORDER BY id FOR UPDATE",
            "SELECT role, email FROM users WHERE id = \(user) AND deleted_at IS NULL FOR UPDATE",
            "SELECT 1 FROM events WHERE owner_id = \(user) AND status = 'published' AND ends_at > \(now) LIMIT 1",
        ])
        guard let row = held[1].first else { throw DomainError.notFound }
        if try row.decode("role", as: Role.self) == .admin, held[0].count == 1 { throw DomainError.lastAdmin }
        guard held[2].isEmpty else { throw DomainError.eventsAhead }
        return try row.decode("email")
    }

    /// Erases everything that identifies a person, and ends their sessions; returns those.
    ///
    /// Their drafts are deleted, past events stay. Sessions stay as rows without a device, so that every instance
    /// learns that they ended; ``SessionStore/prune(before:limit:on:)`` deletes them.
    /// - Throws: as ``requireErasable(_:now:on:)``.
    public func erase(_ user: UserID, now: Date, on transaction: Transaction) async throws -> [SessionID] {
        let email = try await requireErasable(user, now: now, on: transaction)
        _ = try await transaction.pipeline(
            Self.removals(user, email: email, now: now)
                + SubscriptionStore.ending("user_id = \(user)", now: now))
        if try await !eraseMore(of: user, limit: PendingStepStore.Size.range.upperBound, on: transaction) {
            _ = try await transaction.query(PendingStepStore.insertion(.accountErasure, of: user.uuid))
        }
        return try await SessionStore(database).revokeAll(of: user, on: transaction)
    }

    /// Erases the next part of what a person can have thousands of; none of it is visible.
    /// - Parameter limit: rows of each kind.
    /// - Returns: whether those were the last.
    func eraseMore(of user: UserID, limit: Int, on transaction: Transaction) async throws -> Bool {
        let erased = try await transaction.pipeline([
            """
            DELETE FROM notifications WHERE id IN (
                SELECT id FROM notifications WHERE user_id = \(user) ORDER BY created_at, id LIMIT \(limit))
            """,
            """
            DELETE FROM idempotency_keys WHERE user_id = \(user) AND key IN (
                SELECT key FROM idempotency_keys WHERE user_id = \(user) ORDER BY key LIMIT \(limit))
            """,
            """
            DELETE FROM refresh_tokens WHERE token_hash IN (
                SELECT t.token_hash FROM sessions s JOIN refresh_tokens t ON t.session_id = s.id
                WHERE s.user_id = \(user) LIMIT \(limit))
            """,
        ])
        return erased.allSatisfy { $0.affectedRows < limit }
    }

    private static func removals(_ user: UserID, email: String, now: Date) -> [SQL] {
        [
            """
            UPDATE users SET email = 'deleted-' || id || '@deleted.invalid', display_name = \(name),
                password_hash = '-', role = 'user', email_verified_at = NULL, deleted_at = \(now)
            WHERE id = \(user)
            """,
            // Gates that know the name get an updated manifest.
            """
            UPDATE tickets SET holder_renames = holder_renames + 1
            WHERE registration_id IN (SELECT id FROM registrations WHERE user_id = \(user))
            """,
            "UPDATE sessions SET device = NULL WHERE user_id = \(user)",
            "DELETE FROM account_links WHERE user_id = \(user)",
            "DELETE FROM email_changes WHERE user_id = \(user)",
            "DELETE FROM api_keys WHERE user_id = \(user)",
            "DELETE FROM event_members WHERE user_id = \(user) AND role <> 'owner'",
            "DELETE FROM event_member_offers WHERE user_id = \(user) OR offered_by = \(user)",
            // Their events' email settings, including the reply-to address.
            """
            UPDATE event_mail_settings SET reply_to = NULL, paragraph = '' WHERE event_id IN (
                SELECT id FROM events WHERE owner_id = \(user))
            """,
            "DELETE FROM events WHERE owner_id = \(user) AND status = 'draft'",
            "DELETE FROM ticket_documents WHERE ticket_id IN (SELECT id FROM tickets WHERE user_id = \(user))",
            "UPDATE registrations SET cancellation_reason = NULL WHERE user_id = \(user) AND cancellation_reason IS NOT NULL",
            // Transfers offered by them and to them: the address is erased in both.
            """
            UPDATE ticket_transfers SET recipient_email = '', settled_at = coalesce(settled_at, \(now)),
                status = CASE status WHEN 'offered' THEN 'cancelled' ELSE status END
            WHERE from_user_id = \(user) OR to_user_id = \(user) OR recipient_email = \(email)
            """,
        ]
    }
}
