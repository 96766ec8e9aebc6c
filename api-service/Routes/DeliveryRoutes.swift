import Access
import Domain
import FoundationEssentials
import Hummingbird
import Persistence

/// What became of the mails about a registration.
struct DeliveryRoutes: Sendable {
    let stores: Stores
    let authorization: Authorization
    let resendMail: ResendMail

    private struct ListJSON: Encodable {
        var items: [NotificationJSON]
    }

    @Sendable func list(_ request: Request, _ context: APIContext) async throws -> Response {
        let detail = try await find(context, context.signedIn())
        return try .json(
            ListJSON(items: try await stores.notifications.list(of: detail.registration.id).map(NotificationJSON.init)))
    }

    private struct ResentJSON: Encodable {
        var registrationId: RegistrationID
        var status: NotificationStatus
        /// Null while the ticket is being made: its mail comes by itself.
        @Nullable var notification: NotificationJSON?
    }

    @Sendable func resend(_ request: Request, _ context: APIContext) async throws -> Response {
        let principal = try context.signedIn()
        let detail = try await find(context, principal)
        // Whoever may see it is told that it is not theirs to do.
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
