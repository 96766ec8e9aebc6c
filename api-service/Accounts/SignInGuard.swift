import Domain
import FoundationEssentials
import HTTPTypes
import Hummingbird

/// Stands before everything that tries a password: counts what fails by account and by address, and has both wait ever
/// longer. Never lifted, also not for load tests. An address without an account is treated as one with.
struct SignInGuard: Sendable {
    let throttle: Throttle
    /// Nil where there is no database (tests).
    let accessLog: AccessLog?
    let line = AttemptLine()

    /// Runs one attempt.
    /// - Parameters:
    ///   - account: the address as it was typed.
    ///   - origin: where the attempt comes from.
    ///   - refusal: what a wrong password is told as.
    ///   - check: throws ``DomainError/invalidCredentials`` for a wrong password.
    /// - Returns: what `check` answered, and the fields that tell how the caller stands.
    /// - Throws: 429 with Retry-After before anything is looked at; what `check` throws, a refusal with those fields.
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

    /// Somebody proved by mail that the account is theirs: they shall not wait for a stranger's guesses.
    func pardon(_ account: String) async { await throttle.clear(.signIn, account.lowercased()) }
}

/// Stands before everything that makes us write to an address that may be a stranger's: counts by recipient, by network and,
/// where that is known, by sender. Lifted with the other limits of requests for load tests.
struct MailGuard: Sendable {
    let throttle: Throttle
    let accessLog: AccessLog?
    let isOn: Bool

    /// Counts one request.
    /// - Parameters:
    ///   - sender: who is signed in and names the address; nil for whoever names their own.
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
    /// `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers): the attempts that a rule lets fail
    /// before it asks for a pause (`q`) and for how long it remembers them (`w`); how many are left (`r`), and in how
    /// many seconds there will be one again (`t`).
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
