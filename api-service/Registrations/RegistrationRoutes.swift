import Access
import Domain
import FoundationEssentials
import HTTPTypes
import Hummingbird
import Persistence

/// The routes of registrations: register, read, cancel; the attendees of an event.
struct RegistrationRoutes: Sendable {
    let stores: Stores
    let authorization: Authorization
    let verifiedEmail: RequireVerifiedEmail
    let batcher: RegistrationBatcher
    let clock: @Sendable () -> Date

    @Sendable func register(_ request: Request, _ context: APIContext) async throws -> Response {
        let principal = try context.signedIn()
        try Authorization.require(.registerForEvent, principal)
        try await verifiedEmail.check(principal.userID)
        // The body is optional and empty; it only distinguishes requests with the same Idempotency-Key.
        let body = try await BodyFields(optional: request, context).bytes
        let answered = try await batcher.register(
            principal.userID, for: try context.id(of: EventSubject.self),
            once: try context.idempotentRequest(request, body: body), Self.created)
        return Response(answered)
    }

    private static func created(_ registration: Registration) throws -> StoredResponse {
        try .json(
            RegistrationJSON(registration), status: .created, location: "/api/v1/registrations/\(registration.id)")
    }

    /// Adds someone as an organizer, also before registration opens and after it closes, but never beyond capacity.
    @Sendable func add(_ request: Request, _ context: APIContext) async throws -> Response {
        let principal = try context.signedIn()
        let event = try await authorization.event(try context.id(of: EventSubject.self), .addAttendee, principal)
        var fields = try await BodyFields(request, context)
        let email = fields.email("email")
        try fields.validation.check()
        guard let user = try await stores.users.find(email: email) else { throw DomainError.unknownAddress }
        let answered = try await batcher.register(
            user.id, for: event.id, by: principal.userID,
            once: try context.idempotentRequest(request, body: fields.bytes), Self.created)
        return Response(answered)
    }

    /// Removes someone as an organizer.
    @Sendable func remove(_ request: Request, _ context: APIContext) async throws -> Response {
        let principal = try context.signedIn()
        let event = try await authorization.event(try context.id(of: EventSubject.self), .removeAttendee, principal)
        guard
            let detail = try await stores.registrations.find(
                try context.id("registrationId", of: RegistrationSubject.self)), detail.registration.eventID == event.id
        else { throw DomainError.notFound }
        var fields = try await BodyFields(optional: request, context)
        let reason = fields.optionalText("reason", maximum: 500)
        try fields.validation.check()
        let removed = try await batcher.cancel(detail.registration, by: principal.userID, reason: reason)
        return try .json(RegistrationJSON(removed.registration, ticket: removed.ticket))
    }

    @Sendable func show(_ request: Request, _ context: APIContext) async throws -> Response {
        let detail = try await find(context, .viewRegistration)
        return try .json(RegistrationJSON(detail, now: clock()))
    }

    @Sendable func cancel(_ request: Request, _ context: APIContext) async throws -> Response {
        let cancelled = try await batcher.cancel(try await find(context, .cancelRegistration).registration)
        return try .json(RegistrationJSON(cancelled.registration, ticket: cancelled.ticket))
    }

    private func find(_ context: APIContext, _ action: Action) async throws -> RegistrationDetail {
        let principal = try context.signedIn()
        guard let detail = try await stores.registrations.find(try context.id(of: RegistrationSubject.self)) else {
            throw DomainError.notFound
        }
        try await authorization.require(
            action, principal, of: detail.registration.userID, in: detail.registration.eventID)
        return detail
    }

    @Sendable func attendees(_ request: Request, _ context: APIContext) async throws -> Response {
        let event = try await authorization.event(
            try context.id(of: EventSubject.self), .viewAttendees, try context.signedIn())
        var query = QueryFields(request)
        let (text, status) = (query.text("query"), query.choice("status", of: RegistrationStatus.self))
        let order = query.choice("sort", of: AttendeeOrder.self) ?? .registered
        return try await context.page(.attendees, of: query, AttendeeJSON.init) {
            try await stores.registrations.attendees(
                of: event.id, query: text, status: status, order: order, after: $0, limit: $1)
        }
    }

    /// Exports the attendees as CSV.
    @Sendable func attendeesCSV(_ request: Request, _ context: APIContext) async throws -> Response {
        let event = try await authorization.event(
            try context.id(of: EventSubject.self), .viewAttendees, try context.signedIn())
        var query = QueryFields(request)
        let (text, status) = (query.text("query"), query.choice("status", of: RegistrationStatus.self))
        try query.validation.check()
        let registrations = stores.registrations
        let positions = try await registrations.waitlistPositions(of: event.id)
        return try await context.table("registrations-\(event.id).csv", header: Self.csvHeader, Self.csvRow) {
            try await registrations.attendees(
                of: event.id, query: text, status: status, positions: positions, after: $0, limit: $1)
        }
    }

    private static let csvHeader = [
        "registration", "status", "position", "registered at", "name", "email", "ticket code", "ticket status",
        "checked in at",
    ]

    @Sendable private static func csvRow(_ attendee: Attendee) -> [String] {
        let registration = attendee.registration
        return [
            registration.id.description, registration.status.rawValue, registration.position.map(String.init) ?? "",
            Timestamp.text(registration.createdAt), attendee.displayName, attendee.email,
            attendee.ticket?.code ?? "", attendee.ticket?.status.rawValue ?? "",
            attendee.ticket?.checkedInAt.map(Timestamp.text) ?? "",
        ]
    }
}
