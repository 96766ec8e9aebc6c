import Access
import Domain
import FoundationEssentials
import HTTPTypes
import Hummingbird
import Persistence

/// The caller's own sessions.
struct SessionRoutes: Sendable {
    let stores: Stores
    let endSessions: EndSessions
    let recentSignIn: RecentSignIn
    let cookie: RefreshCookie
    let clock: @Sendable () -> Date

    private struct SessionJSON: Encodable {
        var id: SessionID
        @Nullable var device: String?
        var createdAt: Date
        var lastUsedAt: Date
        var expiresAt: Date
        /// The session of this request.
        var current: Bool
    }

    @Sendable func list(_ request: Request, _ context: APIContext) async throws -> Response {
        let principal = try context.signedIn()
        try Authorization.require(.viewOwnAccount, principal)
        var query = QueryFields(request)
        let limit = query.limit()
        try query.validation.check()
        let page = try await stores.sessions.list(
            of: principal.userID, now: clock(), after: try query.cursor(.sessions), limit: limit)
        return try .json(
            page.json(.sessions) { session in
                SessionJSON(
                    id: session.id, device: session.device, createdAt: session.createdAt,
                    lastUsedAt: session.lastUsedAt, expiresAt: session.expiresAt,
                    current: session.id == principal.sessionID)
            })
    }

    @Sendable func end(_ request: Request, _ context: APIContext) async throws -> Response {
        let principal = try context.signedIn()
        try Authorization.require(.editOwnAccount, principal)
        let id = try context.id(of: SessionSubject.self)
        if id != principal.sessionID { try await recentSignIn.require(of: principal) }
        try await endSessions.one(id, by: principal)
        return done(leaving: id == principal.sessionID)
    }

    /// All of them; with `?keepCurrent=true`, all others.
    @Sendable func endAll(_ request: Request, _ context: APIContext) async throws -> Response {
        let principal = try context.signedIn()
        try Authorization.require(.editOwnAccount, principal)
        var query = QueryFields(request)
        let keepsCurrent = query.bool("keepCurrent")
        try query.validation.check()
        try await recentSignIn.require(of: principal)
        try await endSessions.all(by: principal, keepingCurrent: keepsCurrent)
        return done(leaving: !keepsCurrent)
    }

    private func done(leaving: Bool) -> Response {
        var headers: HTTPFields = [.cacheControl: "no-store"]
        if leaving { headers[.setCookie] = cookie.cleared }
        return Response(status: .noContent, headers: headers)
    }
}
