import Domain
import FoundationEssentials
import HTTPTypes
import Hummingbird

/// The throttle of everything that checks a password: counts failures by account and by address, with increasing
/// pauses. Never lifted, not even for load tests. An address without an account is treated like one with.
struct SignInGuard: Sendable {
    let throttle: Throttle
    /// Nil without a database (tests).
    let accessLog: AccessLog?
    let line = AttemptLine()

    /// Runs one attempt.
    /// - Parameters:
    ///   - account: the email as typed.
    ///   - origin: the origin of the attempt.
    ///   - refusal: the error reported for a wrong password.
    ///   - check: throws ``DomainError/invalidCredentials`` for a wrong password.
    /// - Returns: the result of `check`, and the rate limit fields.
    /// - Throws: 429 with Retry-After before anything is evaluated; what `check` throws, a refusal with those fields.
    func attempt<Value: Sendable>(
        on account: String, from origin: RequestOrigin, refusal: DomainError = .invalidCredentials,
        _ check: () async throws -> Value
    ) async throws -> (Value, HTTPFields) {
        let account = account.lowercased()
        let sender = await throttle.state(.signInAddress, origin.network)
        if sender.wait > 0 {
            await accessLog?.throttled(ThrottleRule.signInAddress.name, nil, from: origin)
            throw APIProblem.tooManyRequests([sender])
        }
        do {
            return try await line.pass(account) {
                try await attemptInTurn(on: account, from: origin, sender, refusal, check)
            }
        } catch is AttemptLine.Crowded {
            throw APIProblem.tooManyRequests([sender])
        }
    }

    private func attemptInTurn<Value: Sendable>(
        on account: String, from origin: RequestOrigin, _ sender: RateLimitState, _ refusal: DomainError,
        _ check: () async throws -> Value
    ) async throws -> (Value, HTTPFields) {
        let state = await throttle.state(.signIn, account)
        if state.wait > 0 {
            await accessLog?.throttled(ThrottleRule.signIn.name, account, from: origin)
            throw APIProblem.tooManyRequests([state, sender])
        }
        do {
            let value = try await check()
            await throttle.clear(.signIn, account)
            return (value, HTTPFields(rateLimits: [RateLimitState(.signIn, nil, at: Date()), sender]))
        } catch DomainError.invalidCredentials {
            let failed = await throttle.fail(.signIn, account)
            let sender = await throttle.fail(.signInAddress, origin.network)
            await accessLog?.signInFailed(account, from: origin)
            var problem = ProblemMiddleware.problem(refusal)
            problem.headers.append(contentsOf: HTTPFields(rateLimits: [failed, sender]))
            throw problem
        }
    }

    /// Clears the count of someone who has confirmed by email that the account is theirs: they must not wait for a
    /// stranger's guesses.
    func pardon(_ account: String) async { await throttle.clear(.signIn, account.lowercased()) }
}

/// The throttle of everything that sends email to an address that may be a stranger's: counts by recipient, by network
/// and, if known, by sender. Lifted for load tests, with the other request limits.
struct MailGuard: Sendable {
    let throttle: Throttle
    let accessLog: AccessLog?
    let isOn: Bool

    /// Counts one request.
    /// - Parameters:
    ///   - sender: the signed-in person who names the address; nil for someone who names their own.
    /// - Throws: 429 with Retry-After.
    @discardableResult
    func admit(
        mailTo email: String, by sender: UserID? = nil, from origin: RequestOrigin
    ) async throws -> HTTPFields {
        guard isOn else { return [:] }
        var counted: [(ThrottleRule, String)] = [(.mail, email.lowercased()), (.mailAddress, origin.network)]
        if let sender { counted.append((.mailSender, sender.description)) }
        var before: [RateLimitState] = []
        for (rule, subject) in counted { before.append(await throttle.state(rule, subject)) }
        if let paused = before.first(where: { $0.wait > 0 }) {
            await accessLog?.throttled(paused.rule.name, nil, from: origin)
            throw APIProblem.tooManyRequests(before)
        }
        var after: [RateLimitState] = []
        for (rule, subject) in counted { after.append(await throttle.fail(rule, subject)) }
        return HTTPFields(rateLimits: after)
    }
}

extension HTTPField.Name {
    static let rateLimit = HTTPField.Name("RateLimit")!
    static let rateLimitPolicy = HTTPField.Name("RateLimit-Policy")!
}

extension HTTPFields {
    /// `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers): the failures that a rule allows
    /// before a pause (`q`) and for how long it counts them (`w`); how many remain (`r`), and in how many seconds the
    /// next attempt is allowed (`t`).
    init(rateLimits states: [RateLimitState]) {
        self.init()
        self[.rateLimitPolicy] = states.map { state in
            "\"\(state.rule.name)\";q=\(state.rule.threshold);w=\(Int(state.rule.memory))"
        }.joined(separator: ", ")
        self[.rateLimit] = states.map { state in
            "\"\(state.rule.name)\";r=\(state.wait > 0 ? 0 : state.remaining);t=\(state.retryAfter)"
        }.joined(separator: ", ")
    }
}

extension APIProblem {
    static func tooManyRequests(_ states: [RateLimitState]) -> APIProblem {
        let seconds = max(1, states.map(\.retryAfter).max() ?? 1)
        var problem = APIProblem(
            "too-many-requests", .tooManyRequests, "Too many attempts. \(tryAgain(in: seconds))",
            headers: HTTPFields(rateLimits: states))
        problem.headers[.retryAfter] = "\(seconds)"
        return problem
    }

    static func tryAgain(in seconds: Int) -> String {
        let (count, unit) = seconds < 120 ? (seconds, "second") : ((seconds + 59) / 60, "minute")
        return "Try again in \(count) \(unit)\(count == 1 ? "" : "s")."
    }
}
