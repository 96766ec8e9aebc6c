import Access
import Bootstrap
import Domain
import FoundationEssentials
import HTTPTypes
import Hummingbird
import Persistence
import Postgres

/// Authenticates the caller, as the route table requires.
struct Authentication: Sendable {
    let verifier: AccessTokenVerifier
    let publicURL: PublicURL
    /// Origins whose pages can use the API besides our own.
    let crossOrigins: Set<String>
    let clients: ClientAddresses
    let ended: EndedSessions
    /// A person's current role; nil if the account is gone.
    let currentRole: @Sendable (UserID) async throws -> Role?
    let keys: KeyGuard
    let clock: @Sendable () -> Date

    /// The caller, and the rate limit fields for the response.
    /// - Throws: ``DomainError/notAuthenticated``, `token-expired`, 429 for an API key over its limit, or 403 for a
    ///   possible cross-site request.
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
        // By bytes: characters are slow, and a token has hundreds.
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
        // Signed out, or a new password: the token's expiry is irrelevant.
        if ended.contains(principal.sessionID) { throw DomainError.notAuthenticated }
        // A removed role must not last as long as the token. Attendees, the vast majority, have none to lose.
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

    /// Requires that a request that signs someone in or out comes from our own pages, those of listed origins, or a
    /// client other than a browser, so that no other site can sign someone in under its own account (ASVS 5, 3.5).
    /// Browsers name the origin of every request that isn't a plain same-site one, and otherwise which kind of site
    /// initiated it.
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

    /// Browsers send the cookie whoever initiated the request; only our own pages can set the header, and the origin,
    /// if named, must be ours.
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
