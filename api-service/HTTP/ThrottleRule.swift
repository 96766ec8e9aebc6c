import FoundationEssentials

/// The pause after a number of failures: none at first, then doubling each time.
struct ThrottleRule: Sendable, Hashable {
    /// The name in the `RateLimit` fields, and in Redis keys.
    var name: String
    /// The failure that causes the first pause.
    var threshold: Int
    /// In seconds, as everything below.
    var firstPause: TimeInterval
    var longestPause: TimeInterval
    /// How long after the last failure a count expires.
    var memory: TimeInterval

    /// Wrong passwords per account, whoever tries: some hundred guesses a day at most. A correct one, or a password
    /// reset by email, clears the count.
    static let signIn = ThrottleRule(
        name: "sign-in", threshold: 5, firstPause: 1, longestPause: 900, memory: 86_400)
    /// Wrong passwords per address, whatever the account. A hall full of people may share one.
    static let signInAddress = ThrottleRule(
        name: "sign-in-address", threshold: 100, firstPause: 1, longestPause: 60, memory: 900)
    /// Emails to one address caused by strangers.
    static let mail = ThrottleRule(name: "mail", threshold: 10, firstPause: 30, longestPause: 3600, memory: 3600)
    /// Emails from one signed-in person to addresses that they name: ticket transfers, team memberships.
    static let mailSender = ThrottleRule(
        name: "mail-sender", threshold: 30, firstPause: 30, longestPause: 3600, memory: 3600)
    /// Emails requested from one address, including sign-up. A hall full of people may share one.
    static let mailAddress = ThrottleRule(
        name: "mail-address", threshold: 100, firstPause: 1, longestPause: 60, memory: 900)

    func pause(after failures: Int) -> TimeInterval {
        guard failures >= threshold else { return 0 }
        // Far beyond the longest pause, and still representable.
        let doublings = min(failures - threshold, 40)
        return min(firstPause * Double(1 << doublings), longestPause)
    }

    /// The number of failures that still count.
    func count(of tally: Tally?, at now: Date) -> Int {
        guard let tally, now < tally.lastAt.addingTimeInterval(memory) else { return 0 }
        return tally.failures
    }
}

/// The failures of a subject so far.
struct Tally: Sendable, Hashable {
    var failures: Int
    var lastAt: Date
    var pausedUntil: Date
}

/// A subject's state with a rule.
struct RateLimitState: Sendable, Hashable {
    var rule: ThrottleRule
    /// Failures left before the first pause.
    var remaining: Int
    /// Seconds to wait before the next attempt; 0 if it is allowed now.
    var wait: TimeInterval

    init(_ rule: ThrottleRule, _ tally: Tally?, at now: Date) {
        self.rule = rule
        remaining = max(0, rule.threshold - rule.count(of: tally, at: now))
        wait = max(0, tally?.pausedUntil.timeIntervalSince(now) ?? 0)
    }

    /// Whole seconds, rounded up, so that waiting that long is enough.
    var retryAfter: Int { Int(wait.rounded(.up)) }
}
