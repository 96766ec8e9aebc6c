public import Domain
public import FoundationEssentials
public import Postgres

/// A session, as its owner sees it.
public struct SessionSummary: Sendable {
    public var id: SessionID
    /// The browser's `User-Agent`, nil if it sent none.
    public var device: String?
    public var createdAt: Date
    public var lastUsedAt: Date
    public var expiresAt: Date
}

/// Sessions: families of refresh tokens. Only the tokens' SHA-256 is stored.
public struct SessionStore: Sendable {
    /// Maximum age of a session, however often it is used.
    public static let maximumAge: TimeInterval = 180 * 86_400

    public enum Rotation: Sendable {
        /// The new token, and the session's user with their current role.
        case rotated(SessionID, User, SecretToken)
        /// Unknown or expired.
        case refused
        /// Signed out, here or elsewhere.
        case ended
        /// A token that had already been exchanged: the whole family is now revoked.
        case reused(SessionID)
    }

    let database: Database

    public init(_ database: Database) { self.database = database }

    /// - Parameter device: the browser's User-Agent.
    public func create(
        _ id: SessionID, user: UserID, device: String? = nil, tokenHash: [UInt8], expiresAt: Date, now: Date = Date(),
        on transaction: Transaction
    ) async throws {
        _ = try await transaction.pipeline([
            """
            INSERT INTO sessions (id, user_id, device, expires_at, authenticated_at)
            VALUES (\(id), \(user), \(device), \(expiresAt), \(now))
            """,
            "INSERT INTO refresh_tokens (token_hash, session_id) VALUES (\(tokenHash), \(id))",
        ])
    }

    /// When the person last authenticated in a session; nil if it has ended.
    public func authenticatedAt(_ id: SessionID) async throws -> Date? {
        try await database.read("SELECT authenticated_at FROM sessions WHERE id = \(id) AND revoked_at IS NULL")
            .first?.decode("authenticated_at")
    }

    /// Records a reauthentication.
    public func noteAuthentication(_ id: SessionID, at now: Date, on transaction: Transaction) async throws {
        _ = try await transaction.query("UPDATE sessions SET authenticated_at = \(now) WHERE id = \(id)")
    }

    /// Exchanges a refresh token for its successor: the same one if it is repeated before that was used, because a
    /// response can get lost. Commit in every case: the revocation on reuse is an effect.
    public func rotate(
        _ token: SecretToken, expiresAt: Date, now: Date, on transaction: Transaction
    ) async throws -> Rotation {
        // The session's row is locked first, so that concurrent uses of one family are serialized.
        let found = try await transaction.pipeline([
            """
            SELECT s.id FROM sessions s JOIN refresh_tokens t ON t.session_id = s.id
            WHERE t.token_hash = \(token.hash) FOR UPDATE OF s
            """,
            """
            SELECT s.id AS session_id, s.created_at AS began_at, s.revoked_at, s.expires_at, t.used_at, t.successor_salt,
                u.id, u.email, u.display_name, u.role, u.created_at, u.email_verified_at,
                u.language, u.locked_at
            FROM refresh_tokens t JOIN sessions s ON s.id = t.session_id JOIN users u ON u.id = s.user_id
            WHERE t.token_hash = \(token.hash)
            """,
        ])[1]
        guard let row = found.first else { return .refused }
        if try row.decode("revoked_at", as: Date?.self) != nil { return .ended }
        guard try row.decode("expires_at", as: Date.self) > now else { return .refused }
        let session = try row.decode("session_id", as: SessionID.self)
        if try row.decode("used_at", as: Date?.self) != nil {
            let salt = try row.decode("successor_salt", as: [UInt8]?.self)
            // Exchanged by an old version without salts, before it was replaced.
            guard let salt else { return .refused }
            let successor = token.successor(salt: salt)
            if try await isUnused(successor, on: transaction) {
                return .rotated(session, try UserStore.user(row), successor)
            }
            try await revoke(session, on: transaction)
            return .reused(session)
        }
        let salt = SecretToken.salt()
        let successor = token.successor(salt: salt)
        let end = min(expiresAt, try row.decode("began_at", as: Date.self) + Self.maximumAge)
        _ = try await transaction.pipeline([
            """
            UPDATE refresh_tokens SET used_at = \(now), successor_salt = \(salt) WHERE token_hash = \(token.hash)
            """,
            "INSERT INTO refresh_tokens (token_hash, session_id) VALUES (\(successor.hash), \(session))",
            "UPDATE sessions SET last_used_at = \(now), expires_at = \(end) WHERE id = \(session)",
        ])
        return .rotated(session, try UserStore.user(row), successor)
    }

    private func isUnused(_ token: SecretToken, on transaction: Transaction) async throws -> Bool {
        try await !transaction.query(
            "SELECT 1 FROM refresh_tokens WHERE token_hash = \(token.hash) AND used_at IS NULL"
        ).isEmpty
    }

    /// Revokes a session; its refresh tokens stop working.
    public func revoke(_ id: SessionID, on transaction: Transaction) async throws {
        _ = try await transaction.query(
            "UPDATE sessions SET revoked_at = now() WHERE id = \(id) AND revoked_at IS NULL")
    }

    /// Revokes all sessions of a person, or all others; returns those that this ended. A concurrent sign-in must hold
    /// the person's row, so that its session is visible here: ``UserStore/holdPasswordHash(_:of:on:)``.
    @discardableResult
    public func revokeAll(
        of user: UserID, except kept: SessionID? = nil, on transaction: Transaction
    ) async throws -> [SessionID] {
        try await transaction.query(
            """
            UPDATE sessions SET revoked_at = now()
            WHERE user_id = \(user) AND revoked_at IS NULL AND id IS DISTINCT FROM \(kept)::uuid RETURNING id
            """
        ).map { try $0.decode("id") }
    }

    /// Revokes the session of a refresh token; nil if there is none.
    public func revoke(tokenHash: [UInt8], on transaction: Transaction) async throws -> SessionID? {
        try await transaction.query(
            """
            UPDATE sessions SET revoked_at = coalesce(revoked_at, now())
            WHERE id = (SELECT session_id FROM refresh_tokens WHERE token_hash = \(tokenHash)) RETURNING id
            """
        ).first?.decode("id")
    }
}

/// A person's own sessions, and the services' queries about everyone's.
extension SessionStore {
    /// The active sessions of a person, newest first.
    public func list(of user: UserID, now: Date, after: PageKey?, limit: Int) async throws -> Page<SessionSummary> {
        let rows = try await database.list(
            """
            SELECT id, device, created_at, last_used_at, expires_at FROM sessions
            WHERE user_id = \(user) AND revoked_at IS NULL AND expires_at > \(now)
                \(given: after, { "AND (created_at, id) < (\($0.at), \($0.id))" })
            ORDER BY created_at DESC, id DESC LIMIT \(limit + 1)
            """)
        let sessions = try rows.map { row in
            SessionSummary(
                id: try row.decode("id"), device: try row.decode("device"), createdAt: try row.decode("created_at"),
                lastUsedAt: try row.decode("last_used_at"), expiresAt: try row.decode("expires_at"))
        }
        return Page(sessions, limit: limit) { PageKey(at: $0.createdAt, id: $0.id.uuid) }
    }

    /// Revokes one of a person's own sessions; false if it is not theirs. Idempotent.
    public func revoke(_ id: SessionID, of user: UserID, on transaction: Transaction) async throws -> Bool {
        try await transaction.query(
            """
            UPDATE sessions SET revoked_at = coalesce(revoked_at, now()) WHERE id = \(id) AND user_id = \(user)
            """
        ).affectedRows == 1
    }

    /// The sessions that ended within the last `seconds` by the database's clock, latest first; at most `limit`.
    public func endedLately(within seconds: Double, limit: Int) async throws -> [SessionID] {
        try await database.read(
            """
            SELECT id FROM sessions WHERE revoked_at > now() - make_interval(secs => \(seconds))
            ORDER BY revoked_at DESC LIMIT \(limit)
            """
        ).map { try $0.decode("id") }
    }

    /// Deletes sessions that ended before `past`, with their tokens.
    public func prune(before past: Date, limit: Int, on transaction: Transaction) async throws -> Int {
        try await transaction.query(
            """
            DELETE FROM sessions WHERE id IN (
                (SELECT id FROM sessions WHERE expires_at < \(past) ORDER BY expires_at LIMIT \(limit))
                UNION ALL
                (SELECT id FROM sessions WHERE revoked_at < \(past) ORDER BY revoked_at LIMIT \(limit)))
            """
        ).affectedRows
    }
}
