public import Domain
public import FoundationEssentials
public import Postgres

/// A sign-in, as its owner sees it.
public struct SessionSummary: Sendable {
    public var id: SessionID
    /// The browser's own words (`User-Agent`), nil when it said nothing.
    public var device: String?
    public var createdAt: Date
    public var lastUsedAt: Date
    public var expiresAt: Date
}

/// Sign-ins: families of refresh tokens. Only the tokens' SHA-256 is ever stored.
public struct SessionStore: Sendable {
    /// A sign-in ends after this long, however often it is used.
    public static let maximumAge: TimeInterval = 180 * 86_400

    public enum Rotation: Sendable {
        /// The token that stands now, and the session's user with the role of this moment.
        case rotated(SessionID, User, SecretToken)
        /// Unknown or expired.
        case refused
        /// Signed out, here or from elsewhere.
        case ended
        /// A token that had been exchanged before: the whole family is revoked now.
        case reused(SessionID)
    }

    let database: Database

    public init(_ database: Database) { self.database = database }

    /// - Parameter device: what the browser says it is.
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

    /// When the person of a session last showed that they are who signed in; nil for a session that is over.
    public func authenticatedAt(_ id: SessionID) async throws -> Date? {
        try await database.read("SELECT authenticated_at FROM sessions WHERE id = \(id) AND revoked_at IS NULL")
            .first?.decode("authenticated_at")
    }

    /// Notes that they showed it again.
    public func noteAuthentication(_ id: SessionID, at now: Date, on transaction: Transaction) async throws {
        _ = try await transaction.query("UPDATE sessions SET authenticated_at = \(now) WHERE id = \(id)")
    }

    /// Exchanges a refresh token for its successor: the same one when it is asked again before that was used, since an
    /// answer may get lost on its way. Commit in every case: the revocation on reuse is an effect.
    public func rotate(
        _ token: SecretToken, expiresAt: Date, now: Date, on transaction: Transaction
    ) async throws -> Rotation {
        // The session's row is locked first: two uses of one family wait for each other.
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
            // Exchanged by a program that knew no salt, before it was replaced by this one.
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

    /// Signs a session out; its refresh tokens are worth nothing from here on.
    public func revoke(_ id: SessionID, on transaction: Transaction) async throws {
        _ = try await transaction.query(
            "UPDATE sessions SET revoked_at = now() WHERE id = \(id) AND revoked_at IS NULL")
    }

    /// Signs a person out everywhere, or everywhere else; answers which sessions that ended. Whoever is signing them in
    /// at this moment must hold their row, so that the session they are opening is seen here:
    /// ``UserStore/holdPasswordHash(_:of:on:)``.
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

    /// Signs out the session that a refresh token belongs to; nil when there is none.
    public func revoke(tokenHash: [UInt8], on transaction: Transaction) async throws -> SessionID? {
        try await transaction.query(
            """
            UPDATE sessions SET revoked_at = coalesce(revoked_at, now())
            WHERE id = (SELECT session_id FROM refresh_tokens WHERE token_hash = \(tokenHash)) RETURNING id
            """
        ).first?.decode("id")
    }
}

/// What people see and do about their own sign-ins, and what the services ask about everybody's.
extension SessionStore {
    /// The sign-ins of a person that stand, the newest first.
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

    /// Ends one of a person's own sign-ins; false when it is none of theirs. Ending it twice changes nothing.
    public func revoke(_ id: SessionID, of user: UserID, on transaction: Transaction) async throws -> Bool {
        try await transaction.query(
            """
            UPDATE sessions SET revoked_at = coalesce(revoked_at, now()) WHERE id = \(id) AND user_id = \(user)
            """
        ).affectedRows == 1
    }

    /// The sessions that ended within the last `seconds` by the database's clock, the latest first; at most `limit`.
    public func endedLately(within seconds: Double, limit: Int) async throws -> [SessionID] {
        try await database.read(
            """
            SELECT id FROM sessions WHERE revoked_at > now() - make_interval(secs => \(seconds))
            ORDER BY revoked_at DESC LIMIT \(limit)
            """
        ).map { try $0.decode("id") }
    }

    /// Removes sign-ins that were over before `past`, with their tokens.
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
