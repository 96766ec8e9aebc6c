public import Domain
public import FoundationEssentials
public import Postgres

/// Requested email changes until they are confirmed, and the old addresses as long as their owners have to be notified.
public struct EmailChangeStore: Sendable {
    public init() {}

    /// Records a requested change; deletes an earlier request with its links.
    /// - Parameter email: the new one, lower-case.
    public func request(_ email: String, of user: UserID, now: Date, on transaction: Transaction) async throws {
        _ = try await transaction.pipeline([
            """
            UPDATE account_links SET used_at = \(now)
            WHERE user_id = \(user) AND purpose = \(AccountLinkPurpose.changeEmail) AND used_at IS NULL
            """,
            """
            INSERT INTO email_changes (user_id, old_email, new_email, requested_at)
            SELECT id, email, \(email), \(now) FROM users WHERE id = \(user)
            ON CONFLICT (user_id) DO UPDATE SET old_email = excluded.old_email, new_email = excluded.new_email,
                requested_at = excluded.requested_at, confirmed_at = NULL
            """,
        ])
    }

    /// Changes a person's email to the one just confirmed.
    /// - Throws: ``DomainError/linkInvalid`` if they have since requested another one, ``DomainError/emailTaken``.
    public func confirm(_ email: String, of user: UserID, now: Date, on transaction: Transaction) async throws {
        let requested = try await transaction.query(
            """
            UPDATE email_changes SET confirmed_at = \(now)
            WHERE user_id = \(user) AND new_email = \(email) AND confirmed_at IS NULL
            """)
        guard requested.affectedRows == 1 else { throw DomainError.linkInvalid }
        let update: SQL = """
            UPDATE users SET email = \(email), email_verified_at = \(now) WHERE id = \(user) AND deleted_at IS NULL
            """
        do {
            _ = try await transaction.query(update)
        } catch {
            if error.constraint == "users_email_unique" { throw DomainError.emailTaken }
            throw error
        }
    }

    /// Deletes requests from before `past`.
    public func prune(before past: Date, limit: Int, on transaction: Transaction) async throws -> Int {
        try await transaction.query(
            """
            DELETE FROM email_changes WHERE user_id IN (
                SELECT user_id FROM email_changes WHERE requested_at < \(past) ORDER BY requested_at LIMIT \(limit))
            """
        ).affectedRows
    }
}
