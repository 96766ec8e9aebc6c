import FoundationEssentials

/// How long somebody waits after so many failures: not at all at first, then twice as long each time.
struct ThrottleRule: Sendable, Hashable {
    /// As the `RateLimit` fields call it, and in the keys in Redis.
    var name: String
    /// The failure that costs the first pause.
    var threshold: Int
    /// In seconds, as everything below.
    var firstPause: TimeInterval
    var longestPause: TimeInterval
    /// A count is forgotten so long after its last failure.
    var memory: TimeInterval

    /// Wrong passwords for one account, whoever tries: some hundred guesses a day at most. A right one, or a new
    /// password by mail, clears the count.
    static let signIn = ThrottleRule(
        name: "sign-in", threshold: 5, firstPause: 1, longestPause: 900, memory: 86_400)
    /// Wrong passwords from one address, whatever the account. A hall full of people may share one.
    static let signInAddress = ThrottleRule(
        name: "sign-in-address", threshold: 100, firstPause: 1, longestPause: 60, memory: 900)
    /// Mails that strangers have sent to one address.
    static let mail = ThrottleRule(name: "mail", threshold: 10, firstPause: 30, longestPause: 3600, memory: 3600)
    /// Mails that somebody who is signed in has sent to addresses that they name: offers of tickets, the team.
    static let mailSender = ThrottleRule(
        name: "mail-sender", threshold: 30, firstPause: 30, longestPause: 3600, memory: 3600)
    /// Mails that one address asks for, signing up among them. A hall full of people may share one.
    static let mailAddress = ThrottleRule(
        name: "mail-address", threshold: 100, firstPause: 1, longestPause: 60, memory: 900)

    func pause(after failures: Int) -> TimeInterval {
        guard failures >= threshold else { return 0 }
        // Far beyond the longest pause already, and still a number.
        let doublings = min(failures - threshold, 40)
        return min(firstPause * Double(1 << doublings), longestPause)
    }

    /// What so many failures at these times come to.
    func count(of tally: Tally?, at now: Date) -> Int {
        guard let tally, now < tally.lastAt.addingTimeInterval(memory) else { return 0 }
        return tally.failures
    }
}

/// The failures of somebody so far.
struct Tally: Sendable, Hashable {
    var failures: Int
    var lastAt: Date
    /// Until when nothing of theirs is looked at.
    var pausedUntil: Date
}

/// How somebody stands with a rule.
struct RateLimitState: Sendable, Hashable {
    var rule: ThrottleRule
    /// Failures that are left before the first pause.
    var remaining: Int
    /// Seconds to wait before the next attempt; 0 when it may be made now.
    var wait: TimeInterval

    init(_ rule: ThrottleRule, _ tally: Tally?, at now: Date) {
        self.rule = rule
        remaining = max(0, rule.threshold - rule.count(of: tally, at: now))
        wait = max(0, tally?.pausedUntil.timeIntervalSince(now) ?? 0)
    }

    /// Whole seconds, rounded up: who waits that long is let in.
    var retryAfter: Int { Int(wait.rounded(.up)) }
}
