import Access
import Domain
import FoundationEssentials
import Hummingbird
import Persistence

/// The emails about a registration, and their delivery.
struct DeliveryRoutes: Sendable {
    let stores: Stores
    let authorization: Authorization
    let resendMail: ResendMail
    /// Nil in tests of the HTTP API alone.
    let watch: MailMonitor?
    let clock: @Sendable () -> Date

    /// Few registrations have more: most readers need one page.
    private static let usual = 100

    @Sendable func list(_ request: Request, _ context: APIContext) async throws -> Response {
        let detail = try await find(context, context.signedIn())
        return try await context.page(
            .registrationNotifications, of: QueryFields(request), usual: Self.usual, NotificationJSON.init
        ) {
            try await stores.notifications.list(of: detail.registration.id, after: $0, limit: $1)
        }
    }

    private struct StepJSON: Encodable {
        var at: Date
        var step: DeliveryStep.Name
        @Nullable var notificationId: NotificationID?
        @Nullable var kind: NotificationKind?
        @Nullable var detail: String?
        /// What `detail` says, where these are no words of the mail server's.
        @Nullable var reason: MailError?
        @Nullable var nextAttemptAt: Date?
    }

    @Sendable func timeline(_ request: Request, _ context: APIContext) async throws -> Response {
        let detail = try await find(context, context.signedIn())
        return try await context.page(
            .timeline, of: QueryFields(request), usual: Self.usual,
            {
                StepJSON(
                    at: $0.at, step: $0.name, notificationId: $0.notificationID, kind: $0.kind, detail: $0.detail,
                    reason: $0.detail.flatMap(MailError.init(words:)), nextAttemptAt: $0.nextAttemptAt)
            }
        ) {
            try await stores.deliveries.timeline(of: detail.registration.id, after: $0, limit: $1)
        }
    }

    private struct DeliveryJSON: Encodable {
        var unsent: Int
        @Nullable var oldestUnsentSeconds: Double?
        var retrying: Int
        var failed: Int
        var isPaused: Bool
        /// Null if unknown.
        @Nullable var sendersConnected: Bool?
    }

    @Sendable func delivery(_ request: Request, _ context: APIContext) async throws -> Response {
        let event = try await authorization.event(
            try context.id(of: EventSubject.self), .viewMailings, try context.signedIn())
        async let backlog = stores.deliveries.backlog(of: event.id)
        async let paused = stores.deliveries.pausedSince()
        let (waiting, now) = (try await backlog, clock())
        return try .json(
            DeliveryJSON(
                unsent: waiting.unsent, oldestUnsentSeconds: waiting.oldestAt.map { now.timeIntervalSince($0) },
                retrying: waiting.retrying, failed: waiting.failed, isPaused: try await paused != nil,
                sendersConnected: watch?.reading.consumers.map { $0 > 0 }))
    }

    private struct ResentJSON: Encodable {
        var registrationId: RegistrationID
        var status: NotificationStatus
        /// Null while the ticket is being issued: its email is sent automatically.
        @Nullable var notification: NotificationJSON?
    }

    @Sendable func resend(_ request: Request, _ context: APIContext) async throws -> Response {
        let principal = try context.signedIn()
        let detail = try await find(context, principal)
        // Someone who is allowed to see it gets a 403.
        let membership = try await stores.events.membership(of: principal.userID, in: detail.registration.eventID)
        try Authorization.require(.resendMail, principal, Relation(membership))
        let notification = try await resendMail.perform(detail, by: principal)
        return try .json(
            ResentJSON(
                registrationId: detail.registration.id, status: notification?.status ?? .queued,
                notification: notification.map(NotificationJSON.init)),
            status: .accepted)
    }

    private func find(_ context: APIContext, _ principal: Principal) async throws -> RegistrationDetail {
        guard let detail = try await stores.registrations.find(try context.id(of: RegistrationSubject.self)) else {
            throw DomainError.notFound
        }
        try await authorization.require(
            .viewRegistration, principal, of: detail.registration.userID, in: detail.registration.eventID)
        return detail
    }
}
