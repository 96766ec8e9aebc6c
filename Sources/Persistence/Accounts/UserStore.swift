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
    /// When the email was confirmed.
    public var emailVerifiedAt: Date?
    public var language: Language
    /// When an admin locked the account.
    public var lockedAt: Date?
}

public struct UserStore: Sendable {
    /// The columns of ``user(_:)``.
    private static let columns: SQL =
        "id, email, display_name, role, created_at, email_verified_at, language, locked_at"

    let database: Database

    public init(_ database: Database) { self.database = database }

    /// - Parameter emailVerifiedAt: set if the creator vouches for the email.
    /// - Throws: ``DomainError/emailTaken``.
    public func insert(
        id: UserID, email: String, displayName: String, passwordHash: String, role: Role,
        emailVerifiedAt: Date? = nil, language: Language = .english, on transaction: Transaction
    ) async throws -> User {
        let rows = try await transaction.query(
            """
            INSERT INTO users (id, email, display_name, password_hash, role, email_verified_at, language)
            VALUES (\(id), \(email), \(displayName), \(passwordHash), \(role), \(emailVerifiedAt), \(language))
            ON CONFLICT ON CONSTRAINT users_email_unique DO NOTHING
            RETURNING \(fragment: Self.columns)
            """)
        guard let row = rows.first else { throw DomainError.emailTaken }
        return try Self.user(row)
    }

    /// Creates an account if the email is free, and returns whose it is: the same statement for both, so that timing
    /// reveals neither.
    public func insertUnlessTaken(
        id: UserID, email: String, displayName: String, passwordHash: String, language: Language,
        on transaction: Transaction
    ) async throws -> (id: UserID, isNew: Bool) {
        while true {
            let rows = try await transaction.query(
                """
                WITH made AS (
                    INSERT INTO users (id, email, display_name, password_hash, role, language)
                    VALUES (\(id), \(email), \(displayName), \(passwordHash), \(Role.user), \(language))
                    ON CONFLICT ON CONSTRAINT users_email_unique DO NOTHING
                    RETURNING id
                )
                SELECT id, true AS is_new FROM made
                UNION ALL
                SELECT id, false FROM users WHERE email = \(email)
                """)
            if let row = rows.first { return (try row.decode("id"), try row.decode("is_new")) }
            // Someone took the email after this statement's snapshot: the next one sees them.
        }
    }

    /// Nil also if the account was deleted.
    public func find(_ id: UserID) async throws -> User? {
        try await database.read(
            "SELECT \(fragment: Self.columns) FROM users WHERE id = \(id) AND deleted_at IS NULL"
        ).first.map(Self.user)
    }

    public func role(of id: UserID) async throws -> Role? {
        try await database.read("SELECT role FROM users WHERE id = \(id)").first?.decode("role")
    }

    /// - Parameter email: lower-case.
    public func find(email: String) async throws -> User? {
        try await database.read(
            "SELECT \(fragment: Self.columns) FROM users WHERE email = \(email) AND deleted_at IS NULL"
        ).first.map(Self.user)
    }

    /// - Parameter email: lower-case.
    /// - Returns: the hash is nil for an account without a password.
    public func credentials(email: String) async throws -> (user: User, passwordHash: String?)? {
        try await database.read(
            """
            SELECT \(fragment: Self.columns), NULLIF(password_hash, '-') AS password_hash
            FROM users WHERE email = \(email) AND deleted_at IS NULL
            """
        ).first.map { (try Self.user($0), try $0.decode("password_hash")) }
    }

    /// A signed-in person's; nil if the account is gone.
    public func credentials(_ id: UserID) async throws -> (user: User, passwordHash: String?)? {
        try await database.read(
            """
            SELECT \(fragment: Self.columns), NULLIF(password_hash, '-') AS password_hash
            FROM users WHERE id = \(id) AND deleted_at IS NULL
            """
        ).first.map { (try Self.user($0), try $0.decode("password_hash")) }
    }

    public func setPasswordHash(_ hash: String, of id: UserID, on transaction: Transaction) async throws {
        _ = try await transaction.query("UPDATE users SET password_hash = \(hash) WHERE id = \(id)")
    }

    /// Sets a new hash; false if the password has changed meanwhile, or if the account was locked.
    public func replacePasswordHash(
        _ old: String, by new: String, of id: UserID, on transaction: Transaction
    ) async throws -> Bool {
        try await transaction.query(
            """
            UPDATE users SET password_hash = \(new)
            WHERE id = \(id) AND password_hash = \(old) AND locked_at IS NULL
            """
        ).affectedRows == 1
    }

    /// Whether this is still the password hash of a person who is allowed to sign in; if so, locks the row until the
    /// transaction ends.
    public func holdPasswordHash(_ hash: String, of id: UserID, on transaction: Transaction) async throws -> Bool {
        try await !transaction.query(
            "SELECT 1 FROM users WHERE id = \(id) AND password_hash = \(hash) AND locked_at IS NULL FOR SHARE"
        ).isEmpty
    }

    /// Records that the email is confirmed; returns whether for the first time.
    public func markEmailVerified(_ id: UserID, at now: Date, on transaction: Transaction) async throws -> Bool {
        try await transaction.query(
            "UPDATE users SET email_verified_at = \(now) WHERE id = \(id) AND email_verified_at IS NULL"
        ).affectedRows == 1
    }

    /// Removes the password: the account is then accessible by email.
    public func removePassword(of id: UserID, on transaction: Transaction) async throws {
        _ = try await transaction.query("UPDATE users SET password_hash = '-' WHERE id = \(id)")
    }

    /// Locks or unlocks an account; returns it, and whether that changed anything. Serialized with concurrent sign-ins.
    /// - Throws: ``DomainError/notFound``; ``DomainError/lastAdmin`` for the last active one.
    public func setLocked(
        _ isLocked: Bool, _ id: UserID, at now: Date, on transaction: Transaction
    ) async throws -> (user: User, isNew: Bool) {
        let admins = try await transaction.query(
            "SELECT id FROM users WHERE role = 'admin' AND locked_at IS NULL ORDER BY id FOR UPDATE")
        let rows = try await transaction.query(
            "SELECT \(fragment: Self.columns) FROM users WHERE id = \(id) AND deleted_at IS NULL FOR UPDATE")
        guard var user = try rows.first.map(Self.user) else { throw DomainError.notFound }
        if (user.lockedAt != nil) == isLocked { return (user, false) }
        if isLocked, user.role == .admin, admins.count == 1 { throw DomainError.lastAdmin }
        user.lockedAt = isLocked ? now : nil
        _ = try await transaction.query("UPDATE users SET locked_at = \(user.lockedAt) WHERE id = \(id)")
        return (user, true)
    }

    /// Renames a person, and updates the manifests that contain the old name: see ``ManifestStore/stamp(of:)``.
    public func setDisplayName(_ name: String, of id: UserID, on transaction: Transaction) async throws -> User {
        let results = try await transaction.pipeline([
            """
            UPDATE users SET display_name = \(name) WHERE id = \(id)
            RETURNING \(fragment: Self.columns)
            """,
            """
            UPDATE tickets SET holder_renames = holder_renames + 1
            WHERE status = 'valid' AND registration_id IN (
                SELECT r.id FROM registrations r JOIN events e ON e.id = r.event_id
                WHERE r.user_id = \(id) AND r.status = 'confirmed' AND e.ends_at > now() - interval '1 day')
            """,
        ])
        guard let row = results[0].first else { throw DomainError.notFound }
        return try Self.user(row)
    }

    /// Everyone, newest first.
    public func list(query: String?, after: PageKey?, limit: Int) async throws -> Page<User> {
        let found = try await find(query)
        let rows = try await database.list(
            """
            SELECT \(fragment: Self.columns) FROM users
            WHERE deleted_at IS NULL \(fragment: found)
                \(given: after, { "AND (created_at, id) < (\($0.at), \($0.id))" })
            ORDER BY created_at DESC, id DESC LIMIT \(limit + 1)
            """)
        return Page(try rows.map(Self.user), limit: limit) { PageKey(at: $0.createdAt, id: $0.id.uuid) }
    }

    /// The condition that the email or name has the words. If few people match, they are found by the trigram index; if
    /// many do, the next in the list's order is found soon.
    private func find(_ query: String?) async throws -> SQL {
        guard let query, !query.isEmpty else { return "" }
        let ids = try await ids(matching: query)
        return ids.count < fewMatches
            ? "AND id = ANY(\(ids))" : "AND \(fragment: Self.hasLetters(query))"
    }

    /// People whose email or name has the words: all of them, if they are fewer than ``fewMatches``.
    func ids(matching query: String) async throws -> [UserID] {
        try await database.list(
            """
            SELECT id FROM users WHERE deleted_at IS NULL AND \(fragment: Self.hasLetters(query)) LIMIT \(fewMatches)
            """
        ).map { try $0.decode("id") }
    }

    /// Served by the index `users_by_letters`.
    private static func hasLetters(_ query: String) -> SQL {
        Persistence.hasLetters(query, in: "folded(email || ' ' || display_name)")
    }

    /// Changes a person's role; returns the previous one.
    ///
    /// The administrators' rows are locked, so that two who step down concurrently can't leave none.
    /// - Throws: ``DomainError/notFound``, ``DomainError/lastAdmin``.
    public func setRole(
        _ role: Role, of id: UserID, on transaction: Transaction
    ) async throws -> (user: User, before: Role) {
        let admins = try await transaction.query(
            "SELECT id FROM users WHERE role = 'admin' AND locked_at IS NULL ORDER BY id FOR UPDATE")
        let current = try await transaction.query(
            "SELECT role, locked_at FROM users WHERE id = \(id) AND deleted_at IS NULL FOR UPDATE")
        guard let row = current.first else { throw DomainError.notFound }
        let before = try row.decode("role", as: Role.self)
        let isActive = try row.decode("locked_at", as: Date?.self) == nil
        if before == .admin, role != .admin, isActive, admins.count == 1 { throw DomainError.lastAdmin }
        let rows = try await transaction.query(
            "UPDATE users SET role = \(role) WHERE id = \(id) RETURNING \(fragment: Self.columns)")
        guard let changed = rows.first else { throw DomainError.notFound }
        return (try Self.user(changed), before)
    }

    static func user(_ row: Row) throws -> User {
        User(
            id: try row.decode("id"), email: try row.decode("email"), displayName: try row.decode("display_name"),
            role: try row.decode("role"), createdAt: try row.decode("created_at"),
            emailVerifiedAt: try row.decode("email_verified_at"), language: try row.decode("language"),
            lockedAt: try row.decode("locked_at"))
    }
}
