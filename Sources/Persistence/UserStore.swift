public import Domain
public import FoundationEssentials
public import Postgres

/// A person with an account.
public struct User: Hashable, Sendable {
    public var id: UserID
    public var email: String
    public var displayName: String
    public var role: Role
    public var createdAt: Date
}

public struct UserStore: Sendable {
    let database: Database

    public init(_ database: Database) { self.database = database }

    /// - Throws: ``DomainError/emailTaken``.
    public func insert(
        id: UserID, email: String, displayName: String, passwordHash: String, role: Role,
        on transaction: Transaction
    ) async throws -> User {
        let rows = try await transaction.query(
            """
            INSERT INTO users (id, email, display_name, password_hash, role)
            VALUES (\(id), \(email), \(displayName), \(passwordHash), \(role))
            ON CONFLICT ON CONSTRAINT users_email_unique DO NOTHING
            RETURNING id, email, display_name, role, created_at
            """)
        guard let row = rows.first else { throw DomainError.emailTaken }
        return try Self.user(row)
    }

    public func find(_ id: UserID) async throws -> User? {
        try await database.read(
            "SELECT id, email, display_name, role, created_at FROM users WHERE id = \(id)"
        ).first.map(Self.user)
    }

    /// - Parameter email: lower-case.
    public func credentials(email: String) async throws -> (user: User, passwordHash: String)? {
        try await database.read(
            """
            SELECT id, email, display_name, role, created_at, password_hash FROM users WHERE email = \(email)
            """
        ).first.map { (try Self.user($0), try $0.decode("password_hash")) }
    }

    public func setPasswordHash(_ hash: String, of id: UserID, on transaction: Transaction) async throws {
        _ = try await transaction.query("UPDATE users SET password_hash = \(hash) WHERE id = \(id)")
    }

    public func setDisplayName(_ name: String, of id: UserID, on transaction: Transaction) async throws -> User {
        let rows = try await transaction.query(
            """
            UPDATE users SET display_name = \(name) WHERE id = \(id)
            RETURNING id, email, display_name, role, created_at
            """)
        guard let row = rows.first else { throw DomainError.notFound }
        return try Self.user(row)
    }

    /// Everybody, the newest first.
    public func list(query: String?, after: PageKey?, limit: Int) async throws -> Page<User> {
        let pattern = query.map(containsPattern)
        let rows = try await database.read(
            """
            SELECT id, email, display_name, role, created_at FROM users
            WHERE (\(pattern) IS NULL OR email ILIKE \(pattern) OR display_name ILIKE \(pattern))
                AND (\(after?.at) IS NULL OR (created_at, id) < (\(after?.at), \(after?.id)))
            ORDER BY created_at DESC, id DESC LIMIT \(limit + 1)
            """)
        return Page(try rows.map(Self.user), limit: limit) { PageKey(at: $0.createdAt, id: $0.id.uuid) }
    }

    /// Gives somebody another role; answers the one before.
    ///
    /// The administrators' rows are locked, so that two who step down at once can't leave nobody.
    /// - Throws: ``DomainError/notFound``, ``DomainError/lastAdmin``.
    public func setRole(
        _ role: Role, of id: UserID, on transaction: Transaction
    ) async throws -> (user: User, before: Role) {
        let admins = try await transaction.query("SELECT id FROM users WHERE role = 'admin' ORDER BY id FOR UPDATE")
        let current = try await transaction.query("SELECT role FROM users WHERE id = \(id) FOR UPDATE")
        guard let before = try current.first?.decode("role", as: Role.self) else { throw DomainError.notFound }
        if before == .admin, role != .admin, admins.count == 1 { throw DomainError.lastAdmin }
        let rows = try await transaction.query(
            """
            UPDATE users SET role = \(role) WHERE id = \(id) RETURNING id, email, display_name, role, created_at
            """)
        guard let row = rows.first else { throw DomainError.notFound }
        return (try Self.user(row), before)
    }

    static func user(_ row: Row) throws -> User {
        User(
            id: try row.decode("id"), email: try row.decode("email"), displayName: try row.decode("display_name"),
            role: try row.decode("role"), createdAt: try row.decode("created_at"))
    }
}
