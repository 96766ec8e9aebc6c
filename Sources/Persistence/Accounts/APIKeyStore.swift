public import Domain
public import FoundationEssentials
public import Postgres

/// An API key: access for other software on behalf of a person.
public struct APIKey: Sendable {
    public enum Status: String, Codable, Sendable { case active, expired, revoked }

    public var id: APIKeyID
    public var userID: UserID
    public var name: String
    public var scopes: [APIScope]
    public var createdAt: Date
    public var expiresAt: Date
    public var revokedAt: Date?
    /// To the minute.
    public var lastUsedAt: Date?
    public var networks: [String] = []

    public func status(now: Date) -> Status {
        revokedAt != nil ? .revoked : expiresAt <= now ? .expired : .active
    }
}

/// API keys. Only the SHA-256 of a key is stored.
public struct APIKeyStore: Sendable {
    /// Maximum number of active keys per person.
    public static let maximum = 50
    /// How long an ended one is still listed, in seconds.
    public static let memory: TimeInterval = 30 * 86_400
    /// `last_used_at` is written at most this often, in seconds.
    private static let usePrecision: TimeInterval = 60

    let database: Database

    public init(_ database: Database) { self.database = database }

    /// - Throws: ``DomainError/limitReached``, ``DomainError/notFound`` if the person is gone.
    public func insert(_ key: APIKey, hash: [UInt8], on transaction: Transaction) async throws {
        // The person's row is locked, so that concurrent requests are counted one after the other.
        let results = try await transaction.pipeline([
            "SELECT id FROM users WHERE id = \(key.userID) AND deleted_at IS NULL FOR NO KEY UPDATE",
            """
            SELECT count(*) AS active FROM api_keys
            WHERE user_id = \(key.userID) AND revoked_at IS NULL AND expires_at > \(key.createdAt)
            """,
        ])
        guard !results[0].isEmpty else { throw DomainError.notFound }
        if let active = try results[1].first?.decode("active", as: Int.self), active >= Self.maximum {
            throw DomainError.limitReached
        }
        _ = try await transaction.query(
            """
            INSERT INTO api_keys (id, user_id, name, hash, scopes, created_at, expires_at)
            VALUES (\(key.id), \(key.userID), \(key.name), \(hash), \(key.scopes.map(\.rawValue)), \(key.createdAt),
                \(key.expiresAt))
            """)
    }

    /// A person's keys, newest first; ended ones for a while.
    public func list(of user: UserID, after: PageKey?, limit: Int, now: Date) async throws -> Page<APIKey> {
        let since = now - Self.memory
        let rows = try await database.list(
            """
            SELECT \(fragment: Self.columns) FROM api_keys
            WHERE user_id = \(user) AND expires_at > \(since) AND (revoked_at IS NULL OR revoked_at > \(since))
                \(given: after, { "AND (created_at, id) < (\($0.at), \($0.id))" })
            ORDER BY created_at DESC, id DESC LIMIT \(limit + 1)
            """)
        return Page(try rows.map(Self.key), limit: limit) { PageKey(at: $0.createdAt, id: $0.id.uuid) }
    }

    /// Revokes a person's key; returns it, and whether it was still active.
    /// - Throws: ``DomainError/notFound``.
    public func revoke(
        _ id: APIKeyID, of user: UserID, now: Date, on transaction: Transaction
    ) async throws -> (key: APIKey, isNew: Bool) {
        let results = try await transaction.pipeline([
            """
            UPDATE api_keys SET revoked_at = \(now) WHERE id = \(id) AND user_id = \(user) AND revoked_at IS NULL
            RETURNING id
            """,
            "SELECT \(fragment: Self.columns) FROM api_keys WHERE id = \(id) AND user_id = \(user)",
        ])
        guard let row = results[1].first else { throw DomainError.notFound }
        return (try Self.key(row), !results[0].isEmpty)
    }

    /// Revokes all keys of a person.
    public func revokeAll(of user: UserID, now: Date, on transaction: Transaction) async throws {
        _ = try await transaction.query(
            "UPDATE api_keys SET revoked_at = \(now) WHERE user_id = \(user) AND revoked_at IS NULL")
    }

    /// Records the network that a key is used from; returns whether it is new. Above ``networksKept``, the oldest is
    /// removed.
    public func noteNetwork(_ network: String, of id: APIKeyID, on transaction: Transaction) async throws -> Bool {
        try await transaction.query(
            """
            UPDATE api_keys SET networks = (networks || \(network)::text)[
                greatest(1, cardinality(networks) + 2 - \(Int32(Self.networksKept))):]
            WHERE id = \(id) AND NOT networks @> ARRAY[\(network)::text]
            RETURNING cardinality(networks) > 1 AS is_other
            """
        ).first?.decode("is_other") ?? false
    }

    private static let networksKept = 20

    /// The active key of a token, and its person's current role.
    public func authenticate(_ token: APIKeyToken, now: Date) async throws -> (key: APIKey, role: Role)? {
        let rows = try await database.read(
            """
            SELECT k.id, k.user_id, k.name, k.scopes, k.created_at, k.expires_at, k.revoked_at, k.last_used_at,
                k.networks, u.role
            FROM api_keys k JOIN users u ON u.id = k.user_id
            WHERE k.id = \(token.id) AND k.hash = \(token.hash) AND k.revoked_at IS NULL AND k.expires_at > \(now)
                AND u.deleted_at IS NULL AND u.locked_at IS NULL
            """)
        guard let row = rows.first else { return nil }
        let key = try Self.key(row)
        if key.lastUsedAt.map({ now.timeIntervalSince($0) >= Self.usePrecision }) ?? true {
            try await noteUse(of: key.id, now: now)
        }
        return (key, try row.decode("role"))
    }

    private func noteUse(of id: APIKeyID, now: Date) async throws {
        // Of concurrent requests, one writes.
        try await database.transaction { transaction in
            _ = try await transaction.query(
                """
                UPDATE api_keys SET last_used_at = \(now) WHERE id = (
                    SELECT id FROM api_keys
                    WHERE id = \(id) AND (last_used_at IS NULL OR last_used_at <= \(now - Self.usePrecision))
                    FOR NO KEY UPDATE SKIP LOCKED
                )
                """)
        }
    }

    /// Deletes keys that ended long ago; returns how many, at most `limit`.
    public func prune(before time: Date, limit: Int, on transaction: Transaction) async throws -> Int {
        try await transaction.query(
            """
            DELETE FROM api_keys WHERE id IN (
                SELECT id FROM api_keys WHERE least(expires_at, revoked_at) < \(time) LIMIT \(limit))
            """
        ).affectedRows
    }

    private static let columns: SQL =
        "id, user_id, name, scopes, created_at, expires_at, revoked_at, last_used_at, networks"

    private static func key(_ row: Row) throws -> APIKey {
        APIKey(
            id: try row.decode("id"), userID: try row.decode("user_id"), name: try row.decode("name"),
            // A scope of a later version has no meaning here.
            scopes: try row.decode("scopes", as: [String].self).compactMap(APIScope.init),
            createdAt: try row.decode("created_at"), expiresAt: try row.decode("expires_at"),
            revokedAt: try row.decode("revoked_at"), lastUsedAt: try row.decode("last_used_at"),
            networks: try row.decode("networks"))
    }
}

extension APIKey {
    public init(
        id: APIKeyID, of user: UserID, name: String, scopes: [APIScope], createdAt: Date, expiresAt: Date
    ) {
        self.init(
            id: id, userID: user, name: name, scopes: scopes, createdAt: createdAt, expiresAt: expiresAt,
            revokedAt: nil, lastUsedAt: nil)
    }
}
