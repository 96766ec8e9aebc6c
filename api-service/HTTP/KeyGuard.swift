import Access
import Domain
import FoundationEssentials
import HTTPTypes
import Persistence
import Postgres

/// Authenticates API keys, each within its own rate limit.
struct KeyGuard: Sendable {
    let keys: APIKeyStore
    let database: Database
    let accessLog: AccessLog
    /// Nil if limits are lifted, for load tests.
    let limiter: KeyLimiter?
    let clock: @Sendable () -> Date

    /// The key's principal, and its rate limit fields.
    /// - Throws: ``DomainError/notAuthenticated``; 429 with Retry-After.
    func admit(_ token: String, from origin: RequestOrigin) async throws -> (Principal, HTTPFields) {
        let now = clock()
        guard let token = APIKeyToken(token), let (key, role) = try await keys.authenticate(token, now: now) else {
            throw DomainError.notAuthenticated
        }
        var fields = HTTPFields()
        if let limiter {
            let allowance = await limiter.take(key.id, now: now)
            fields = HTTPFields(keyLimit: allowance)
            if allowance.wait > 0 { throw APIProblem.tooManyRequests(byKey: allowance) }
        }
        // Checked for every request, written only for the first.
        if !key.networks.contains(origin.network) {
            let isOther = try await database.transaction { transaction in
                try await keys.noteNetwork(origin.network, of: key.id, on: transaction)
            }
            if isOther { await accessLog.usedElsewhere(key.id, of: key.userID, from: origin) }
        }
        let principal = Principal(
            userID: key.userID, role: role, sessionID: SessionID(key.id.uuid), expiresAt: key.expiresAt,
            scopes: Set(key.scopes))
        return (principal, fields)
    }
}

extension HTTPFields {
    /// As for the other limits: a burst of `q` requests, and as many again within `w` seconds.
    init(keyLimit allowance: KeyLimiter.Allowance) {
        self.init()
        let window = Int(KeyLimiter.burst / KeyLimiter.rate)
        self[.rateLimitPolicy] = "\"api-key\";q=\(Int(KeyLimiter.burst));w=\(window)"
        self[.rateLimit] = "\"api-key\";r=\(allowance.remaining);t=\(allowance.retryAfter)"
    }
}

extension APIProblem {
    fileprivate static func tooManyRequests(byKey allowance: KeyLimiter.Allowance) -> APIProblem {
        var headers = HTTPFields(keyLimit: allowance)
        let seconds = max(1, allowance.retryAfter)
        headers[.retryAfter] = "\(seconds)"
        return APIProblem(
            "too-many-requests", .tooManyRequests, "Too many requests. \(tryAgain(in: seconds))",
            detail: "An API key is limited to \(Int(KeyLimiter.rate)) requests per second, in bursts of up to "
                + "\(Int(KeyLimiter.burst)).",
            headers: headers)
    }

    /// - Parameter scope: nil if no key will do.
    static func scopeMissing(_ scope: APIScope?) -> APIProblem {
        var problem = APIProblem(
            "scope-missing", .forbidden, "This API key doesn't have permission to do this.",
            detail: scope.map { "It needs the scope \($0.rawValue)." } ?? "API keys can't do this. Sign in instead.")
        problem.scope = scope
        return problem
    }
}
