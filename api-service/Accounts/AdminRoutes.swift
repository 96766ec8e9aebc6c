import Access
import Domain
import FoundationEssentials
import Hummingbird
import Persistence

/// Administration of users and events.
struct AdminRoutes: Sendable {
    let stores: Stores
    let grantRole: GrantRole
    let lockAccount: LockAccount
    let handOverEvent: HandOverEvent
    let recentSignIn: RecentSignIn
    let clock: @Sendable () -> Date

    private struct AccountJSON: Encodable {
        var id: UserID
        var email: String
        var displayName: String
        var role: Role
        var createdAt: Date
        @Nullable var lockedAt: Date?

        init(_ user: User) {
            id = user.id
            email = user.email
            displayName = user.displayName
            role = user.role
            createdAt = user.createdAt
            lockedAt = user.lockedAt
        }
    }

    @Sendable func users(_ request: Request, _ context: APIContext) async throws -> Response {
        try Authorization.require(.listUsers, try context.signedIn())
        var query = QueryFields(request)
        let text = query.text("query")
        return try await context.page(.users, of: query, AccountJSON.init) {
            try await stores.users.list(query: text, after: $0, limit: $1)
        }
    }

    @Sendable func grantRole(_ request: Request, _ context: APIContext) async throws -> Response {
        let principal = try context.signedIn()
        try Authorization.require(.grantRole, principal)
        let id = try context.id(of: UserSubject.self)
        var fields = try await BodyFields(request, context)
        let role = fields.choice("role", of: Role.allCases)
        try fields.validation.check()
        guard let role else { throw DomainError.notFound }
        try await recentSignIn.require(of: principal)
        return try .json(AccountJSON(try await grantRole.perform(role, to: id, by: principal)))
    }

    @Sendable func lock(_ request: Request, _ context: APIContext) async throws -> Response {
        let (principal, id) = try await lockable(context)
        return try .json(AccountJSON(try await lockAccount.lock(id, by: principal)))
    }

    @Sendable func unlock(_ request: Request, _ context: APIContext) async throws -> Response {
        let (principal, id) = try await lockable(context)
        return try .json(AccountJSON(try await lockAccount.unlock(id, by: principal)))
    }

    @Sendable func endSessions(_ request: Request, _ context: APIContext) async throws -> Response {
        let (principal, id) = try await lockable(context)
        try await lockAccount.endSessions(of: id, by: principal)
        return Response(status: .noContent)
    }

    private func lockable(_ context: APIContext) async throws -> (Principal, UserID) {
        let principal = try context.signedIn()
        try Authorization.require(.lockAccount, principal)
        let id = try context.id(of: UserSubject.self)
        try await recentSignIn.require(of: principal)
        return (principal, id)
    }

    /// A user's events, for handing them over.
    @Sendable func events(_ request: Request, _ context: APIContext) async throws -> Response {
        try Authorization.require(.handOverEvent, try context.signedIn())
        let id = try context.id(of: UserSubject.self)
        guard try await stores.users.find(id) != nil else { throw DomainError.notFound }
        let now = clock()
        return try await context.page(.ownedEvents, of: QueryFields(request), { EventJSON($0, now: now) }) {
            try await stores.events.list(ownedBy: id, after: $0, limit: $1)
        }
    }

    @Sendable func handOver(_ request: Request, _ context: APIContext) async throws -> Response {
        let principal = try context.signedIn()
        try Authorization.require(.handOverEvent, principal)
        let id = try context.id(of: EventSubject.self)
        var fields = try await BodyFields(request, context)
        let email = fields.email("email")
        try fields.validation.check()
        try await recentSignIn.require(of: principal)
        try await handOverEvent.perform(id, to: email, by: principal)
        return Response(status: .noContent)
    }
}
