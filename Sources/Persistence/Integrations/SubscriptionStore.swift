public import Domain
public import FoundationEssentials
public import Postgres

/// An integrator's subscription to messages.
public struct Subscription: Sendable {
    public var id: SubscriptionID
    public var userID: UserID
    public var name: String
    public var scope: SubscriptionScope
    public var types: [MessagePattern]
    public var delivery: SubscriptionDelivery
    /// For a webhook.
    public var url: String?
    public var status: SubscriptionStatus
    public var statusReason: SubscriptionStatusReason?
    /// Of a webhook: since when nothing has arrived; nil while deliveries do.
    public var failingSince: Date?
    public var createdAt: Date
    /// The webhook secret's generation.
    public var generation: Int
    public var rotatedAt: Date?
    public var lastDeliveryAt: Date?

    public init(
        id: SubscriptionID, of user: UserID, name: String, scope: SubscriptionScope, types: [MessagePattern],
        delivery: SubscriptionDelivery, url: String?, createdAt: Date
    ) {
        self.id = id
        userID = user
        self.name = name
        self.scope = scope
        self.types = types
        self.delivery = delivery
        self.url = url
        status = .active
        self.createdAt = createdAt
        generation = 1
    }
}

/// The desired state of a subscription's queue at the broker.
public struct SubscribedQueue: Sendable, Hashable {
    public enum Status: String, Sendable {
        /// Bound: messages come in.
        case fed
        /// Paused: its messages can be read, and no new ones come in.
        case kept
        /// Its owner currently isn't entitled to its messages: the queue is removed from the broker, and consumers are
        /// disconnected.
        case withheld
        /// Deleted, or its owner is gone: the queue is deleted, and the row after it.
        case ended
    }

    public var id: SubscriptionID
    public var owner: UserID
    public var scope: SubscriptionScope
    public var types: [MessagePattern]
    /// Previous bindings that may still exist: ``SubscriptionStore/forgetFormerTypes(of:on:)``.
    public var formerTypes: [MessagePattern]
    public var status: Status

    public init(
        id: SubscriptionID, owner: UserID, scope: SubscriptionScope, types: [MessagePattern],
        formerTypes: [MessagePattern] = [], status: Status
    ) {
        self.id = id
        self.owner = owner
        self.scope = scope
        self.types = types
        self.formerTypes = formerTypes
        self.status = status
    }
}

/// Subscriptions. Visible to their owner only.
public struct SubscriptionStore: Sendable {
    /// Maximum number per person.
    public static let maximum = 20

    let database: Database

    public init(_ database: Database) { self.database = database }

    /// - Parameter passwordHash: for a queue.
    /// - Throws: ``DomainError/limitReached``, ``DomainError/notFound`` if the person is gone.
    public func insert(
        _ subscription: Subscription, passwordHash: [UInt8]?, on transaction: Transaction
    ) async throws {
        // The person's row is locked, so that concurrent requests are counted one after the other.
        let results = try await transaction.pipeline([
            "SELECT id FROM users WHERE id = \(subscription.userID) AND deleted_at IS NULL FOR NO KEY UPDATE",
            "SELECT count(*) AS count FROM subscriptions WHERE user_id = \(subscription.userID) AND ended_at IS NULL",
        ])
        guard !results[0].isEmpty else { throw DomainError.notFound }
        if let count = try results[1].first?.decode("count", as: Int.self), count >= Self.maximum {
            throw DomainError.limitReached
        }
        _ = try await transaction.query(
            """
            INSERT INTO subscriptions (id, user_id, name, scope, types, delivery, url, created_at, password_hash)
            VALUES (\(subscription.id), \(subscription.userID), \(subscription.name), \(subscription.scope),
                \(subscription.types.map(\.description)), \(subscription.delivery), \(subscription.url),
                \(subscription.createdAt), \(passwordHash))
            """)
    }

    /// A person's subscriptions, newest first.
    public func list(of user: UserID, after: PageKey?, limit: Int) async throws -> Page<Subscription> {
        let rows = try await database.list(
            """
            SELECT \(fragment: Self.columns) FROM subscriptions
            WHERE user_id = \(user) AND ended_at IS NULL
                \(given: after, { "AND (created_at, id) < (\($0.at), \($0.id))" })
            ORDER BY created_at DESC, id DESC LIMIT \(limit + 1)
            """)
        return Page(try rows.map(Self.subscription), limit: limit) { PageKey(at: $0.createdAt, id: $0.id.uuid) }
    }

    public func find(_ id: SubscriptionID, of user: UserID) async throws -> Subscription? {
        try await database.read(
            """
            SELECT \(fragment: Self.columns) FROM subscriptions
            WHERE id = \(id) AND user_id = \(user) AND ended_at IS NULL
            """
        ).first.map(Self.subscription)
    }

    /// The same, locked until the transaction ends, so that changes to it and to the broker are serialized.
    public func hold(_ id: SubscriptionID, of user: UserID, on transaction: Transaction) async throws -> Subscription? {
        try await transaction.query(
            """
            SELECT \(fragment: Self.columns) FROM subscriptions
            WHERE id = \(id) AND user_id = \(user) AND ended_at IS NULL FOR UPDATE
            """
        ).first.map(Self.subscription)
    }

    /// Writes the owner's changes. Reactivating resets its failure state.
    public func update(_ subscription: Subscription, on transaction: Transaction) async throws {
        let types = subscription.types.map(\.description)
        _ = try await transaction.query(
            """
            UPDATE subscriptions SET name = \(subscription.name), types = \(types),
                former_types = CASE WHEN delivery = 'queue' AND types <> \(types)::text[]
                    THEN ARRAY(SELECT DISTINCT unnest(former_types || types)) ELSE former_types END,
                url = \(subscription.url), status = \(subscription.status), status_reason = \(subscription.statusReason?.rawValue),
                failing_since = CASE WHEN status = \(subscription.status) THEN failing_since END
            WHERE id = \(subscription.id)
            """)
    }

    public func setPassword(_ hash: [UInt8], of id: SubscriptionID, on transaction: Transaction) async throws {
        _ = try await transaction.query("UPDATE subscriptions SET password_hash = \(hash) WHERE id = \(id)")
    }

    /// Rotates a webhook's secret; returns the new generation.
    public func rotate(_ id: SubscriptionID, now: Date, on transaction: Transaction) async throws -> Int {
        let rows = try await transaction.query(
            """
            UPDATE subscriptions SET generation = generation + 1, rotated_at = \(now) WHERE id = \(id)
            RETURNING generation
            """)
        guard let row = rows.first else { throw DomainError.notFound }
        return try row.decode("generation")
    }

    /// Deletes a subscription for everyone. Its row remains: a queue's until the broker has deleted the queue
    /// (``forget(_:on:)``), a webhook's until its deliveries are deleted, of which there may be a million.
    public func remove(_ subscription: Subscription, now: Date, on transaction: Transaction) async throws {
        _ = try await transaction.pipeline(Self.ending("id = \(subscription.id)", now: now))
    }

    /// - Parameter which: the subscriptions to end.
    static func ending(_ which: SQL, now: Date) -> [SQL] {
        [
            """
            INSERT INTO pending_steps (kind, subject_id)
            SELECT \(PendingStepStore.Work.Kind.subscriptionRemoval), id FROM subscriptions
            WHERE \(fragment: which) AND delivery = 'webhook' ON CONFLICT (kind, subject_id) DO NOTHING
            """,
            """
            UPDATE subscriptions SET ended_at = coalesce(ended_at, \(now)), name = '', password_hash = NULL,
                url = CASE delivery WHEN 'webhook' THEN '' END
            WHERE \(fragment: which)
            """,
        ]
    }

    /// Deletes the next deliveries of an ended webhook, and with the last of them its row.
    /// - Returns: whether those were the last.
    func removeDeliveries(of id: SubscriptionID, limit: Int, on transaction: Transaction) async throws -> Bool {
        let removed = try await transaction.query(
            """
            DELETE FROM webhook_deliveries WHERE id IN (
                SELECT id FROM webhook_deliveries WHERE subscription_id = \(id) ORDER BY created_at, id LIMIT \(limit))
            """)
        guard removed.affectedRows < limit else { return false }
        try await forget(id, on: transaction)
        return true
    }

    /// Deletes all of a person's subscriptions.
    public func removeAll(of user: UserID, now: Date, on transaction: Transaction) async throws {
        _ = try await transaction.pipeline(Self.ending("user_id = \(user) AND ended_at IS NULL", now: now))
    }

    /// Disables all of a person's subscriptions until they are reactivated.
    public func disableAll(of user: UserID, because reason: SubscriptionStatusReason, on transaction: Transaction)
        async throws
    {
        _ = try await transaction.query(
            """
            UPDATE subscriptions SET status = 'disabled', status_reason = \(reason.rawValue)
            WHERE user_id = \(user) AND ended_at IS NULL AND status <> 'disabled'
            """)
    }

    // MARK: The broker

    /// Every queue that has to exist at the broker, or to be deleted.
    public func queues() async throws -> [SubscribedQueue] {
        try await database.read(
            "\(fragment: Self.queueSelection) WHERE s.delivery = 'queue' ORDER BY s.created_at, s.id"
        ).map(Self.queue)
    }

    /// One of them, locked until the transaction ends, so that updates of the broker are serialized. Nil once it is
    /// deleted.
    public func holdQueue(_ id: SubscriptionID, on transaction: Transaction) async throws -> SubscribedQueue? {
        try await transaction.query(
            "\(fragment: Self.queueSelection) WHERE s.delivery = 'queue' AND s.id = \(id) FOR UPDATE OF s"
        ).first.map(Self.queue)
    }

    /// Called once the broker has removed the bindings.
    public func forgetFormerTypes(of id: SubscriptionID, on transaction: Transaction) async throws {
        _ = try await transaction.query("UPDATE subscriptions SET former_types = '{}' WHERE id = \(id)")
    }

    /// Deletes the row of an ended subscription, once its queue or its deliveries are gone.
    public func forget(_ id: SubscriptionID, on transaction: Transaction) async throws {
        _ = try await transaction.query("DELETE FROM subscriptions WHERE id = \(id) AND ended_at IS NOT NULL")
    }

    /// Whether a queue's consumer can connect: with this password, if one is given.
    public func admits(_ id: SubscriptionID, passwordHash: [UInt8]?) async throws -> Bool {
        try await database.read(
            """
            SELECT 1 FROM subscriptions s JOIN users u ON u.id = s.user_id
            WHERE s.id = \(id) AND s.delivery = 'queue' AND s.status <> 'disabled' AND s.ended_at IS NULL
                AND \(fragment: Self.isEntitled)
                \(given: passwordHash, { "AND s.password_hash = \($0)" })
            """
        ).first != nil
    }

    // MARK: Rows

    /// Whether a subscription's owner (`u`) is entitled to its (`s`) messages.
    static let isEntitled: SQL = """
        u.deleted_at IS NULL AND u.locked_at IS NULL AND (u.role = 'admin' OR s.scope = 'own' AND u.role = 'organizer')
        """

    private static let columns: SQL = """
        id, user_id, name, scope, types, delivery, url, status, status_reason, created_at, generation, rotated_at,
        last_delivery_at, failing_since
        """

    private static let queueSelection: SQL = """
        SELECT s.id, s.user_id, s.scope, s.types, s.former_types,
            CASE WHEN s.ended_at IS NOT NULL THEN 'ended'
                WHEN s.status = 'disabled' OR NOT (\(fragment: isEntitled)) THEN 'withheld'
                WHEN s.status = 'active' THEN 'fed' ELSE 'kept' END AS queue_status
        FROM subscriptions s JOIN users u ON u.id = s.user_id
        """

    private static func queue(_ row: Row) throws -> SubscribedQueue {
        SubscribedQueue(
            id: try row.decode("id"), owner: try row.decode("user_id"), scope: try row.decode("scope"),
            types: try patterns(row), formerTypes: try patterns(row, "former_types"),
            status: try row.decode("queue_status"))
    }

    private static func subscription(_ row: Row) throws -> Subscription {
        var subscription = Subscription(
            id: try row.decode("id"), of: try row.decode("user_id"), name: try row.decode("name"),
            scope: try row.decode("scope"), types: try patterns(row), delivery: try row.decode("delivery"),
            url: try row.decode("url"), createdAt: try row.decode("created_at"))
        subscription.status = try row.decode("status")
        let reason = try row.decode("status_reason", as: String?.self)
        subscription.statusReason = reason.flatMap(SubscriptionStatusReason.init(stored:))
        subscription.failingSince = try row.decode("failing_since")
        subscription.generation = try row.decode("generation")
        subscription.rotatedAt = try row.decode("rotated_at")
        subscription.lastDeliveryAt = try row.decode("last_delivery_at")
        return subscription
    }

    private static func patterns(_ row: Row, _ column: String = "types") throws -> [MessagePattern] {
        // A type of a later version has no meaning here.
        try row.decode(column, as: [String].self).compactMap(MessagePattern.init)
    }
}
