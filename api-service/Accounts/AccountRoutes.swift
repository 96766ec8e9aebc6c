import Access
import Domain
import FoundationEssentials
import Hummingbird
import Persistence

/// The caller's own account, registrations and notifications.
struct AccountRoutes: Sendable {
    let stores: Stores
    let editAccount: EditAccount
    let clock: @Sendable () -> Date

    @Sendable func show(_ request: Request, _ context: APIContext) async throws -> Response {
        let principal = try context.signedIn()
        try Authorization.require(.viewOwnAccount, principal)
        // A token can outlive its account by minutes.
        guard let user = try await stores.users.find(principal.userID) else { throw DomainError.notAuthenticated }
        return try .json(UserJSON(user))
    }

    @Sendable func edit(_ request: Request, _ context: APIContext) async throws -> Response {
        let principal = try context.signedIn()
        try Authorization.require(.editOwnAccount, principal)
        var fields = try await BodyFields(request, context)
        let displayName = fields.has("displayName") ? fields.text("displayName", 1...100) : nil
        let language = fields.optionalChoice("language", of: Language.allCases)
        try fields.validation.check()
        return try .json(
            UserJSON(try await editAccount.perform(displayName: displayName, language: language, by: principal)))
    }

    @Sendable func registrations(_ request: Request, _ context: APIContext) async throws -> Response {
        let principal = try context.signedIn()
        var query = QueryFields(request)
        let event = query.id("eventId", of: EventSubject.self)
        let now = clock()
        return try await context.page(.ownRegistrations, of: query, { RegistrationJSON($0, now: now) }) {
            try await stores.registrations.list(of: principal.userID, event: event, after: $0, limit: $1)
        }
    }
}

struct UserJSON: Encodable {
    var id: UserID
    var email: String
    var displayName: String
    var role: Role
    var language: Language

    init(_ user: User) {
        id = user.id
        email = user.email
        displayName = user.displayName
        role = user.role
        language = user.language
    }
}

/// A notification as its reader sees it.
struct NotificationJSON: Encodable {
    var id: NotificationID
    var kind: NotificationKind
    @Nullable var eventId: EventID?
    @Nullable var eventTitle: String?
    @Nullable var registrationId: RegistrationID?
    var channel: String
    var status: NotificationStatus
    var attempts: Int
    @Nullable var lastError: String?
    @Nullable var nextAttemptAt: Date?
    var createdAt: Date
    @Nullable var sentAt: Date?

    init(_ notification: Persistence.Notification) {
        id = notification.id
        kind = notification.kind
        eventId = notification.eventID
        eventTitle = notification.eventTitle
        registrationId = notification.registrationID
        channel = notification.channel
        status = notification.status
        attempts = notification.attempts
        lastError = notification.lastError
        nextAttemptAt = notification.nextAttemptAt
        createdAt = notification.createdAt
        sentAt = notification.sentAt
    }
}
