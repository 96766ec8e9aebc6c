import Access
import Domain
import FoundationEssentials
import HTTPTypes
import Hummingbird
import Persistence

/// The caller's own API keys. Only for signed-in people: no key creates or revokes another.
struct APIKeyRoutes: Sendable {
    let stores: Stores
    let manageAPIKeys: ManageAPIKeys
    let recentSignIn: RecentSignIn
    let clock: @Sendable () -> Date

    /// In seconds.
    private static let usualAge: TimeInterval = 90 * 86_400
    private static let maximumAge: TimeInterval = 366 * 86_400

    @Sendable func create(_ request: Request, _ context: APIContext) async throws -> Response {
        let principal = try context.signedIn()
        try Authorization.require(.manageAPIKeys, principal)
        let now = clock()
        var fields = try await BodyFields(request, context)
        let new = ManageAPIKeys.NewKey(
            name: fields.text("name", 1...100), scopes: fields.choices("scopes", of: APIScope.allCases),
            expiresAt: fields.optionalDate("expiresAt") ?? now + Self.usualAge)
        if new.expiresAt <= now {
            fields.validation.fail("expiresAt", .inThePast)
        } else if new.expiresAt > now + Self.maximumAge {
            fields.validation.fail("expiresAt", .moreThanAYearAhead)
        }
        try fields.validation.check()
        try await recentSignIn.require(of: principal)
        let (answered, made) = try await manageAPIKeys.create(
            new, by: principal, once: try context.idempotentRequest(request, body: fields.bytes)
        ) { try .json(APIKeyJSON($0, now: now), status: .created) }
        guard let made else { return Response(answered) }
        var shown = APIKeyJSON(made.key, now: now)
        shown.key = made.token.text
        return try .json(shown, status: .created)
    }

    @Sendable func list(_ request: Request, _ context: APIContext) async throws -> Response {
        let principal = try context.signedIn()
        try Authorization.require(.manageAPIKeys, principal)
        let now = clock()
        return try await context.page(.apiKeys, of: QueryFields(request), { APIKeyJSON($0, now: now) }) {
            try await stores.apiKeys.list(of: principal.userID, after: $0, limit: $1, now: now)
        }
    }

    @Sendable func revoke(_ request: Request, _ context: APIContext) async throws -> Response {
        let principal = try context.signedIn()
        try Authorization.require(.manageAPIKeys, principal)
        let key = try await manageAPIKeys.revoke(try context.id(of: APIKeySubject.self), by: principal)
        return try .json(APIKeyJSON(key, now: clock()))
    }
}

struct APIKeyJSON: Encodable {
    var id: APIKeyID
    var name: String
    var scopes: [APIScope]
    var status: APIKey.Status
    var createdAt: Date
    var expiresAt: Date
    @Nullable var lastUsedAt: Date?
    /// Omitted except in the first response.
    var key: String?

    init(_ key: APIKey, now: Date) {
        id = key.id
        name = key.name
        scopes = key.scopes
        status = key.status(now: now)
        createdAt = key.createdAt
        expiresAt = key.expiresAt
        lastUsedAt = key.lastUsedAt
    }
}
