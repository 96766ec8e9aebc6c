import Access
import Bootstrap
import Domain
import FoundationEssentials
import HTTPTypes
import Hummingbird
import Persistence
import Postgres

/// Finds out who asks, as the route table says that it matters.
struct Authentication: Sendable {
    let verifier: AccessTokenVerifier
    let publicURL: PublicURL
    /// Whose pages may use the API beside our own.
    let crossOrigins: Set<String>
    let clients: ClientAddresses
    let ended: EndedSessions
    /// The role that somebody has now; nil when the account is gone.
    let currentRole: @Sendable (UserID) async throws -> Role?
    let keys: KeyGuard
    let clock: @Sendable () -> Date

    /// Who asks, and what the answer shall say about their limits.
    /// - Throws: ``DomainError/notAuthenticated``, `token-expired`, 429 for an API key that asks too often, or 403 for a
    ///   request that may come from elsewhere.
    func caller(of request: Request, _ context: APIContext, _ credentials: Credentials) async throws -> (
        Principal?, HTTPFields
    ) {
        switch credentials {
        case .ignored:
            return (nil, [:])
        case .cookie:
            try checkOrigin(request)
            return (nil, [:])
        case .optional:
            return try await bearer(request, context)
        case .required, .requiredAtAllTimes:
            let mayLackDatabase = if case .requiredAtAllTimes = credentials { true } else { false }
            let caller = try await bearer(request, context, mayLackDatabase: mayLackDatabase)
            guard caller.0 != nil else { throw DomainError.notAuthenticated }
            return caller
        }
    }

    private func bearer(
        _ request: Request, _ context: APIContext, mayLackDatabase: Bool = false
    ) async throws -> (Principal?, HTTPFields) {
        guard let header = request.headers[.authorization] else { return (nil, [:]) }
        // By bytes: characters are dear, and a token has hundreds.
        let scheme = header.utf8.prefix(7)
        let token = header.utf8.dropFirst(7).drop { $0 == UInt8(ascii: " ") }
        guard scheme.elementsEqual("bearer ".utf8, by: { $0 | 0x20 == $1 }) else { throw DomainError.notAuthenticated }
        if token.starts(with: APIKeyToken.prefix.utf8) {
            return try await keys.admit(String(Substring(token)), from: clients.origin(of: request, context))
        }
        return (try await person(String(Substring(token)), mayLackDatabase: mayLackDatabase), [:])
    }

    private func person(_ token: String, mayLackDatabase: Bool) async throws -> Principal {
        var principal: Principal
        do {
            principal = try await verifier.verify(token, now: clock())
        } catch AccessTokenError.expired {
            throw APIProblem.tokenExpired
        } catch {
            throw DomainError.notAuthenticated
        }
        // Signed out, or a new password: the token's own time doesn't matter any more.
        if ended.contains(principal.sessionID) { throw DomainError.notAuthenticated }
        // A role that was taken away must not last as long as the token. Attendees, the crowd, have none to lose.
        if principal.role != .user {
            do {
                guard let role = try await currentRole(principal.userID) else { throw DomainError.notAuthenticated }
                principal.role = role
            } catch let error as PostgresError where mayLackDatabase && error.isRetriable {
                return principal
            }
        }
        return principal
    }

    /// Wants that a request which signs somebody in or out comes from our own pages, those of listed origins, or a program:
    /// no other site signs somebody in under a name of its choice (ASVS 5, 3.5). Browsers name the origin of every request
    /// that isn't a plain one of the same site, and where they don't, whose page asked.
    func checkSource(_ request: Request) throws {
        let isAllowed =
            switch (request.headers[.origin], request.headers[.fetchSite]) {
            case (let origin?, _): origin == publicURL.origin || crossOrigins.contains(origin)
            case (nil, let site?): site == "same-origin"
            case (nil, nil): true
            }
        guard isAllowed else {
            throw APIProblem(
                DomainError.forbidden.slug, .forbidden, DomainError.forbidden.title,
                detail: "Browsers can sign in and out only from this site or from an allowed origin.")
        }
    }

    /// The cookie is sent by the browser whoever made it ask; the header can only be set by our own pages, and the
    /// origin, where a browser names it, has to be ours.
    private func checkOrigin(_ request: Request) throws {
        let origin = request.headers[.origin]
        guard request.headers[.csrf] == "1", origin == nil || origin == publicURL.origin else {
            throw APIProblem(
                DomainError.forbidden.slug, .forbidden, DomainError.forbidden.title,
                detail: "Requests authenticated by cookie need the header X-EM-CSRF: 1 and must come from this site.")
        }
    }
}

extension HTTPField.Name {
    /// Fetch Metadata Request Headers, "Sec-Fetch-Site".
    fileprivate static let fetchSite = HTTPField.Name("Sec-Fetch-Site")!
}
