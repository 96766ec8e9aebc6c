import Access
import Domain
import FoundationEssentials
import HTTPTypes
import Hummingbird
import Persistence

/// The caller's notifications and preferences.
struct NotificationRoutes: Sendable {
    let stores: Stores
    let readNotifications: ReadNotifications
    let editPreferences: EditPreferences
    let unsubscribe: Unsubscribe

    private struct UnreadJSON: Encodable {
        var unread: Int
    }

    @Sendable func list(_ request: Request, _ context: APIContext) async throws -> Response {
        let principal = try context.signedIn()
        var query = QueryFields(request)
        let unread = query.optionalBool("unread")
        return try await context.page(.notifications, of: query, InAppNotificationJSON.init) {
            try await stores.notifications.list(of: principal.userID, unread: unread, after: $0, limit: $1)
        }
    }

    @Sendable func unread(_ request: Request, _ context: APIContext) async throws -> Response {
        let principal = try context.signedIn()
        try Authorization.require(.viewOwnAccount, principal)
        return try .json(UnreadJSON(unread: try await stores.notifications.unreadCount(of: principal.userID)))
    }

    @Sendable func markRead(_ request: Request, _ context: APIContext) async throws -> Response {
        let principal = try context.signedIn()
        try Authorization.require(.editOwnAccount, principal)
        let id = try context.id(of: NotificationSubject.self)
        return try .json(UnreadJSON(unread: try await readNotifications.perform(id, by: principal)))
    }

    @Sendable func markAllRead(_ request: Request, _ context: APIContext) async throws -> Response {
        let principal = try context.signedIn()
        try Authorization.require(.editOwnAccount, principal)
        var fields = try await BodyFields(optional: request, context)
        let upTo = fields.optionalDate("upTo")
        try fields.validation.check()
        return try .json(UnreadJSON(unread: try await readNotifications.perform(upTo: upTo, by: principal)))
    }

    // MARK: Preferences

    @Sendable func showPreferences(_ request: Request, _ context: APIContext) async throws -> Response {
        let principal = try context.signedIn()
        try Authorization.require(.viewOwnAccount, principal)
        guard let preferences = try await stores.preferences.find(principal.userID) else {
            throw DomainError.notAuthenticated
        }
        return try .json(PreferencesJSON(preferences))
    }

    @Sendable func edit(_ request: Request, _ context: APIContext) async throws -> Response {
        let principal = try context.signedIn()
        try Authorization.require(.editOwnAccount, principal)
        var fields = try await BodyFields(request, context)
        let language = fields.optionalChoice("language", of: Language.allCases)
        let topics = fields.has("topics") ? fields.objects("topics", 0...20) { $0.topicChange() } : []
        try fields.validation.check()
        let changes = topics.compactMap { change in
            change.topic.map { (topic: $0, mail: change.mail, inApp: change.inApp) }
        }
        let preferences = try await editPreferences.perform(language: language, topics: changes, by: principal)
        return try .json(PreferencesJSON(preferences))
    }

    // MARK: Unsubscribe links

    private struct UnsubscribedJSON: Encodable {
        var topic: NotificationTopic
        var mail: Bool
    }

    /// Called by email clients with one click (RFC 8058: the token in the address, an irrelevant form), and by the page
    /// (JSON).
    @Sendable func followLink(_ request: Request, _ context: APIContext) async throws -> Response {
        var query = QueryFields(request)
        var text = query.text("token")
        var mail = false
        if text == nil {
            var fields = try await BodyFields(request, context)
            text = fields.rawText("token")
            mail = fields.bool("mail", default: false)
            if text == nil, !fields.has("token") { fields.validation.fail("token", .required) }
            try fields.validation.check()
        }
        guard let token = text.flatMap(SecretToken.init) else { throw DomainError.linkInvalid }
        let topic = try await unsubscribe.perform(token, mail: mail)
        return try .json(UnsubscribedJSON(topic: topic, mail: mail))
    }

    /// A person opened the address that is meant for email clients: redirects to the page, which asks for confirmation.
    @Sendable func openLink(_ request: Request, _ context: APIContext) async throws -> Response {
        var query = QueryFields(request)
        guard let token = query.text("token").flatMap(SecretToken.init) else { throw DomainError.linkInvalid }
        return Response(
            status: .seeOther, headers: [.location: "/unsubscribe#token=\(token.text)", .cacheControl: "no-store"])
    }
}

extension BodyFields {
    fileprivate struct TopicChange {
        var topic: NotificationTopic?
        var mail: Bool?
        var inApp: Bool?
    }

    fileprivate mutating func topicChange() -> TopicChange {
        let change = TopicChange(
            topic: choice("topic", of: NotificationTopic.allCases), mail: optionalBool("mail"),
            inApp: optionalBool("inApp"))
        if change.mail == false, change.topic?.isMailedAlways == true {
            validation.fail("mail", .alwaysMailed)
        }
        return change
    }
}

private struct PreferencesJSON: Encodable {
    struct Topic: Encodable {
        var topic: NotificationTopic
        var mail: Bool
        var inApp: Bool
        var mailLocked: Bool
    }

    var language: Language
    var topics: [Topic]

    init(_ preferences: Preferences) {
        language = preferences.language
        topics = preferences.topics.map {
            Topic(topic: $0.topic, mail: $0.mail, inApp: $0.inApp, mailLocked: $0.topic.isMailedAlways)
        }
    }
}

/// A notification in its person's list, with its content.
private struct InAppNotificationJSON: Encodable {
    struct Announcement: Encodable {
        var id: AnnouncementID
        var title: String
        var body: String
    }

    var notification: NotificationJSON
    var readAt: Date?
    var announcement: Announcement?
    var changes: [Change]?
    var startsAt: Date?
    var subscription: Subscription?

    struct Subscription: Encodable {
        var name: String
        /// Otherwise it is paused.
        var isDisabled: Bool
    }

    struct Change: Encodable {
        var field: String
        @Nullable var before: String?
        @Nullable var after: String?
    }

    private enum Key: CodingKey { case readAt, announcement, changes, startsAt, subscription }

    init(_ shown: InAppNotification) {
        notification = NotificationJSON(shown.notification)
        readAt = shown.readAt
        announcement = shown.announcement.map { Announcement(id: $0.id, title: $0.title, body: $0.body) }
        changes = shown.changes.map { $0.map { Change(field: $0.field, before: $0.before, after: $0.after) } }
        startsAt = shown.startsAt
        subscription = shown.subscription.map { Subscription(name: $0.name, isDisabled: $0.isDisabled) }
    }

    /// In one object.
    func encode(to encoder: any Encoder) throws {
        try notification.encode(to: encoder)
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(readAt, forKey: .readAt)
        try container.encode(announcement, forKey: .announcement)
        try container.encode(changes, forKey: .changes)
        try container.encode(startsAt, forKey: .startsAt)
        try container.encode(subscription, forKey: .subscription)
    }
}
