public import Domain
public import FoundationEssentials
public import Postgres

public struct TopicPreference: Hashable, Sendable {
    public var topic: NotificationTopic
    public var mail: Bool
    public var inApp: Bool
}

/// A person's language and notification preferences.
public struct Preferences: Hashable, Sendable {
    public var language: Language
    /// Every topic, in the order of ``NotificationTopic``.
    public var topics: [TopicPreference]
}

/// People's notification preferences, and the unsubscribe links in emails, which change them without signing in.
public struct PreferenceStore: Sendable {
    let database: Database

    public init(_ database: Database) { self.database = database }

    /// Nil if the account is gone.
    public func find(_ user: UserID) async throws -> Preferences? {
        try await Self.preferences(database.read(Self.selection(user)))
    }

    /// Changes the given preferences, and returns all.
    /// - Throws: ``DomainError/notAuthenticated`` if the account is gone.
    public func update(
        _ user: UserID, language: Language?, topics: [(topic: NotificationTopic, mail: Bool?, inApp: Bool?)],
        on transaction: Transaction
    ) async throws -> Preferences {
        if let language {
            _ = try await transaction.query("UPDATE users SET language = \(language) WHERE id = \(user)")
        }
        for change in topics {
            try await set(change.topic, mail: change.mail, inApp: change.inApp, of: user, on: transaction)
        }
        guard let preferences = try await Self.preferences(transaction.query(Self.selection(user))) else {
            throw DomainError.notAuthenticated
        }
        return preferences
    }

    private func set(
        _ topic: NotificationTopic, mail: Bool?, inApp: Bool?, of user: UserID, on transaction: Transaction
    ) async throws {
        _ = try await transaction.query(
            """
            INSERT INTO notification_preferences AS p (user_id, topic, mail, in_app)
            VALUES (\(user), \(topic), \(mail ?? true), \(inApp ?? true))
            ON CONFLICT (user_id, topic) DO UPDATE
            SET mail = coalesce(\(mail), p.mail), in_app = coalesce(\(inApp), p.in_app)
            """)
    }

    /// Stores the hash of an unsubscribe link, committed on return.
    public func createLink(
        _ tokenHash: [UInt8], of user: UserID, about topic: NotificationTopic, now: Date
    ) async throws {
        try await database.execute(
            """
            INSERT INTO unsubscribe_links (token_hash, user_id, topic, created_at)
            VALUES (\(tokenHash), \(user), \(topic), \(now))
            """)
    }

    /// Unsubscribes from the topic of a link, or resubscribes; any number of times.
    /// - Returns: its topic and its person.
    /// - Throws: ``DomainError/linkInvalid``.
    public func follow(
        _ tokenHash: [UInt8], mail: Bool, on transaction: Transaction
    ) async throws -> (topic: NotificationTopic, user: UserID) {
        let rows = try await transaction.query(
            """
            SELECT l.topic, l.user_id FROM unsubscribe_links l JOIN users u ON u.id = l.user_id
            WHERE l.token_hash = \(tokenHash) AND u.deleted_at IS NULL
            """)
        guard let row = rows.first else { throw DomainError.linkInvalid }
        let (topic, user) = (
            try row.decode("topic", as: NotificationTopic.self), try row.decode("user_id", as: UserID.self)
        )
        try await set(topic, mail: mail, inApp: nil, of: user, on: transaction)
        return (topic, user)
    }

    /// Deletes links created before `time`; at most `limit` rows. Returns how many.
    public func prune(before time: Date, limit: Int, on transaction: Transaction) async throws -> Int {
        try await transaction.query(
            """
            DELETE FROM unsubscribe_links WHERE token_hash IN (
                SELECT token_hash FROM unsubscribe_links WHERE created_at < \(time) ORDER BY created_at LIMIT \(limit))
            """
        ).affectedRows
    }

    private static func selection(_ user: UserID) -> SQL {
        """
        SELECT u.language, p.topic, p.mail, p.in_app
        FROM users u LEFT JOIN notification_preferences p ON p.user_id = u.id
        WHERE u.id = \(user) AND u.deleted_at IS NULL
        """
    }

    private static func preferences(_ rows: QueryResult) throws -> Preferences? {
        guard let first = rows.first else { return nil }
        var chosen: [NotificationTopic: TopicPreference] = [:]
        for row in rows {
            guard let topic = try row.decode("topic", as: NotificationTopic?.self) else { continue }
            chosen[topic] = TopicPreference(
                topic: topic, mail: try row.decode("mail"), inApp: try row.decode("in_app"))
        }
        return Preferences(
            language: try first.decode("language"),
            topics: NotificationTopic.allCases.map {
                chosen[$0] ?? TopicPreference(topic: $0, mail: true, inApp: true)
            })
    }
}
