public import Domain
public import FoundationEssentials
public import Postgres

/// A notification as its person sees it in the app.
public struct InAppNotification: Sendable {
    public var notification: Notification
    public var readAt: Date?
    /// For an announcement; nil if it was deleted.
    public var announcement: Announcement?
    /// What an edit of the event changed.
    public var changes: [EventData.Change]?
    /// When the event begins, for a reminder.
    public var startsAt: Date?
    /// The subscription, and why it gets no more deliveries.
    public var subscription: MailContext.SubscriptionMatter?

    public struct Announcement: Sendable {
        public var id: AnnouncementID
        public var title: String
        public var body: String
    }
}

extension NotificationStore {
    /// Counting stops here.
    public static let unreadAtMost = 100

    /// A person's notifications for in-app display, newest first; account emails are sent by email only.
    /// - Parameter unread: true for unread only, false for read only.
    public func list(
        of user: UserID, unread: Bool? = nil, after: PageKey?, limit: Int
    ) async throws -> Page<InAppNotification> {
        let rows = try await database.list(
            """
            SELECT x.*, n.read_at, n.details, e.starts_at, a.id AS announcement_id, a.title, a.body
            FROM (
                \(fragment: Self.selection)
                WHERE n.user_id = \(user) AND \(fragment: Self.isShown)
                    \(given: unread, { $0 ? "AND n.read_at IS NULL" : "AND n.read_at IS NOT NULL" })
                    \(given: after, { "AND (n.created_at, n.id) < (\($0.at), \($0.id))" })
                ORDER BY n.created_at DESC, n.id DESC LIMIT \(limit + 1)
            ) x JOIN notifications n ON n.id = x.id LEFT JOIN events e ON e.id = x.event_id
                LEFT JOIN announcements a ON x.kind = 'announcement' AND a.id = n.cause_id
            ORDER BY x.created_at DESC, x.id DESC
            """)
        return Page(try rows.map(Self.inApp), limit: limit) {
            PageKey(at: $0.notification.createdAt, id: $0.notification.id.uuid)
        }
    }

    /// The number of unread ones; ``unreadAtMost`` means that or more.
    public func unreadCount(of user: UserID) async throws -> Int {
        try await database.read(Self.unread(user)).first?.decode("unread") ?? 0
    }

    /// Marks a notification as read, and updates the person's other windows.
    /// - Throws: ``DomainError/notFound`` for someone else's.
    public func markRead(
        _ id: NotificationID, of user: UserID, now: Date, on transaction: Transaction
    ) async throws -> Int {
        let found = try await transaction.query(
            """
            UPDATE notifications n SET read_at = coalesce(read_at, \(now))
            WHERE n.id = \(id) AND n.user_id = \(user) AND \(fragment: Self.isShown)
            """)
        if found.affectedRows == 0 { throw DomainError.notFound }
        return try await tellUnread(user, on: transaction)
    }

    public func markAllRead(of user: UserID, upTo time: Date, now: Date, on transaction: Transaction) async throws
        -> Int
    {
        _ = try await transaction.query(
            """
            UPDATE notifications n SET read_at = \(now)
            WHERE n.user_id = \(user) AND n.read_at IS NULL AND n.created_at <= \(time) AND \(fragment: Self.isShown)
            """)
        return try await tellUnread(user, on: transaction)
    }

    /// Whether a notification `n` is shown in the app. Account emails are sent by email only, except about a
    /// subscription that gets no more deliveries.
    private static let isShown: SQL = "((n.event_id IS NOT NULL AND n.in_app) OR n.kind = 'subscription.paused')"

    /// Publishes the number of unread notifications to the person's windows, within the transaction that changed it;
    /// returns the number.
    func tellUnread(_ user: UserID, on transaction: Transaction) async throws -> Int {
        let unread = try await transaction.query(Self.unread(user)).first?.decode("unread", as: Int.self) ?? 0
        let news = try OutboxEntry.live(.unreadChanged, event: nil, UnreadData(userId: user, unread: unread))
        try await OutboxStore().append([news], on: transaction)
        return unread
    }

    private static func unread(_ user: UserID) -> SQL {
        """
        SELECT count(*) AS unread FROM (
            SELECT FROM notifications
            WHERE user_id = \(user) AND read_at IS NULL AND in_app AND event_id IS NOT NULL
            UNION ALL
            SELECT FROM notifications
            WHERE user_id = \(user) AND read_at IS NULL AND kind = 'subscription.paused'
            LIMIT \(unreadAtMost)
        ) counted
        """
    }

    private static func inApp(_ row: Row) throws -> InAppNotification {
        let notification = try notification(row)
        var shown = InAppNotification(notification: notification, readAt: try row.decode("read_at"))
        if let id = try row.decode("announcement_id", as: AnnouncementID?.self) {
            shown.announcement = .init(id: id, title: try row.decode("title"), body: try row.decode("body"))
        }
        if notification.kind == .eventUpdated, let details = try row.decode("details", as: String?.self) {
            shown.changes = try WireJSON.decode([EventData.Change].self, from: Array(details.utf8))
        }
        if notification.kind == .subscriptionPaused, let details = try row.decode("details", as: String?.self) {
            shown.subscription = try WireJSON.decode(MailContext.SubscriptionMatter.self, from: Array(details.utf8))
        }
        if notification.kind == .eventReminder { shown.startsAt = try row.decode("starts_at") }
        return shown
    }
}
