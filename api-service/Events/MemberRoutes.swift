import Access
import Domain
import FoundationEssentials
import HTTPTypes
import Hummingbird
import Persistence

/// The routes of an event's team.
struct MemberRoutes: Sendable {
    let stores: Stores
    let authorization: Authorization
    let manageMembers: ManageMembers
    let mailGuard: MailGuard
    let clients: ClientAddresses

    private struct MemberJSON: Encodable {
        var userId: UserID
        var displayName: String
        var email: String
        var role: MembershipRole
        var since: Date
        /// Until their email is confirmed.
        var pending: Bool

        init(_ member: EventMember) {
            userId = member.userID
            displayName = member.displayName
            email = member.email
            role = member.role
            since = member.since
            pending = member.isPending
        }
    }

    @Sendable func list(_ request: Request, _ context: APIContext) async throws -> Response {
        let event = try await authorization.event(
            try context.id(of: EventSubject.self), .viewMembers, try context.signedIn())
        return try await context.page(.members, of: QueryFields(request), MemberJSON.init) {
            try await stores.members.list(of: event.id, after: $0, limit: $1)
        }
    }

    /// The owner's role can't be assigned.
    private static let roles: [MembershipRole] = [.coOrganizer, .checkInStaff]

    @Sendable func add(_ request: Request, _ context: APIContext) async throws -> Response {
        let principal = try context.signedIn()
        let event = try await authorization.event(try context.id(of: EventSubject.self), .manageMembers, principal)
        var fields = try await BodyFields(request, context)
        let email = fields.email("email")
        let role = fields.choice("role", of: Self.roles)
        let checked = try fields.validation.checked(role)
        try await mailGuard.admit(
            mailTo: email, by: principal.userID, from: clients.origin(of: request, context))
        let (member, isNew) = try await manageMembers.set(
            checked, of: email, in: event.id, by: principal)
        return try .json(MemberJSON(member), status: isNew ? .created : .ok)
    }

    @Sendable func remove(_ request: Request, _ context: APIContext) async throws -> Response {
        let principal = try context.signedIn()
        let event = try await authorization.event(try context.id(of: EventSubject.self), .manageMembers, principal)
        try await manageMembers.remove(
            try context.id("userId", of: UserSubject.self), from: event.id, by: principal)
        return Response(status: .noContent)
    }
}
