import Access
import Domain
import FoundationEssentials
import Hummingbird
import Persistence

/// What administrators see and do.
struct AdminRoutes: Sendable {
    let stores: Stores
    let grantRole: GrantRole

    private struct AccountJSON: Encodable {
        var id: UserID
        var email: String
        var displayName: String
        var role: Role
        var createdAt: Date

        init(_ user: User) {
            id = user.id
            email = user.email
            displayName = user.displayName
            role = user.role
            createdAt = user.createdAt
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
        var fields = try await BodyFields(request)
        let role = fields.choice("role", of: Role.allCases)
        try fields.validation.check()
        guard let role else { throw DomainError.notFound }
        return try .json(AccountJSON(try await grantRole.perform(role, to: id, by: principal)))
    }
}
