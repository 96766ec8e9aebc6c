public import Domain
public import FoundationEssentials
public import Postgres

/// Sign-ins: families of refresh tokens. Only the tokens' SHA-256 is ever stored.
public struct SessionStore: Sendable {
    /// How long the immediate parent of the current token is still accepted: an answer may have been lost on its way.
    public static let parentGrace: TimeInterval = 10

    public enum Rotation: Sendable {
        /// The new token stands; the session's user with the role of this moment.
        case rotated(SessionID, User)
        /// Unknown, expired or signed out.
        case refused
        /// A token that had been exchanged before: the whole family is revoked now.
        case reused(SessionID)
    }

    let database: Database

    public init(_ database: Database) { self.database = database }

    public func create(
        _ id: SessionID, user: UserID, tokenHash: [UInt8], expiresAt: Date, on transaction: Transaction
    ) async throws {
        _ = try await transaction.pipeline([
            "INSERT INTO sessions (id, user_id, expires_at) VALUES (\(id), \(user), \(expiresAt))",
            "INSERT INTO refresh_tokens (token_hash, session_id) VALUES (\(tokenHash), \(id))",
        ])
    }

    /// Exchanges a refresh token for its successor. Commit in every case: the revocation on reuse is an effect.
    public func rotate(
        _ tokenHash: [UInt8], to successor: [UInt8], expiresAt: Date, now: Date, on transaction: Transaction
    ) async throws -> Rotation {
        // The session's row is locked first: two uses of one family wait for each other.
        let found = try await transaction.pipeline([
            """
            SELECT s.id FROM sessions s JOIN refresh_tokens t ON t.session_id = s.id
            WHERE t.token_hash = \(tokenHash) FOR UPDATE OF s
            """,
            """
            SELECT s.id AS session_id, s.revoked_at, s.expires_at, t.used_at,
                u.id, u.email, u.display_name, u.role, u.created_at, u.email_verified_at,
                (SELECT max(used_at) FROM refresh_tokens WHERE session_id = s.id) AS last_exchange
            FROM refresh_tokens t JOIN sessions s ON s.id = t.session_id JOIN users u ON u.id = s.user_id
            WHERE t.token_hash = \(tokenHash)
            """,
        ])[1]
        guard let row = found.first, try row.decode("revoked_at", as: Date?.self) == nil,
            try row.decode("expires_at", as: Date.self) > now
        else { return .refused }
        let session = try row.decode("session_id", as: SessionID.self)
        if let usedAt = try row.decode("used_at", as: Date?.self) {
            let isParent = try row.decode("last_exchange", as: Date?.self) == usedAt
            guard isParent, now.timeIntervalSince(usedAt) <= Self.parentGrace else {
                try await revoke(session, on: transaction)
                return .reused(session)
            }
        }
        _ = try await transaction.pipeline([
            "UPDATE refresh_tokens SET used_at = coalesce(used_at, \(now)) WHERE token_hash = \(tokenHash)",
            "INSERT INTO refresh_tokens (token_hash, session_id) VALUES (\(successor), \(session))",
            "UPDATE sessions SET last_used_at = \(now), expires_at = \(expiresAt) WHERE id = \(session)",
        ])
        return .rotated(session, try UserStore.user(row))
    }

    /// Signs a session out; its refresh tokens are worth nothing from here on.
    public func revoke(_ id: SessionID, on transaction: Transaction) async throws {
        _ = try await transaction.query(
            "UPDATE sessions SET revoked_at = now() WHERE id = \(id) AND revoked_at IS NULL")
    }

    /// Signs a person out everywhere. Whoever is signing them in at this moment must hold their row, so that the session
    /// they are opening is seen here: ``UserStore/holdPasswordHash(_:of:on:)``.
    public func revokeAll(of user: UserID, on transaction: Transaction) async throws {
        _ = try await transaction.query(
            "UPDATE sessions SET revoked_at = now() WHERE user_id = \(user) AND revoked_at IS NULL")
    }

    /// Signs out the session that a refresh token belongs to; false when there is none.
    public func revoke(tokenHash: [UInt8], on transaction: Transaction) async throws -> Bool {
        try await transaction.query(
            """
            UPDATE sessions SET revoked_at = coalesce(revoked_at, now())
            WHERE id = (SELECT session_id FROM refresh_tokens WHERE token_hash = \(tokenHash))
            """
        ).affectedRows == 1
    }
}
