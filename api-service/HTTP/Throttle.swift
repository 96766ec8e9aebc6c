import Crypto
import Domain
import FoundationEssentials
import Redis
import Synchronization

/// Counts of failures by rule and subject: in Redis for all instances, and in this process's own bounded memory for
/// when Redis is unreachable. Existing throttles then persist as far as this instance knows.
///
/// Nothing in Redis names a person: subjects are hashed.
final class Throttle: Sendable {
    private let redis: RedisClient?
    private let clock: @Sendable () -> Date
    private let local: Mutex<LocalTallies>

    /// - Parameters:
    ///   - redis: nil if there is none (tests): the local memory decides.
    ///   - capacity: of the local memory, in subjects; above that, the least recent are removed.
    init(redis: RedisClient?, capacity: Int = 20_000, clock: @escaping @Sendable () -> Date) {
        self.redis = redis
        self.clock = clock
        local = Mutex(LocalTallies(generation: capacity / 2))
    }

    func state(_ rule: ThrottleRule, _ subject: String) async -> RateLimitState {
        let key = Self.key(rule, subject)
        let now = clock()
        return RateLimitState(rule, await tally(key), at: now)
    }

    /// Counts a failure. One that was in flight when the pause began doesn't extend it.
    func fail(_ rule: ThrottleRule, _ subject: String) async -> RateLimitState {
        let key = Self.key(rule, subject)
        let now = clock()
        let before = await tally(key)
        if let before, before.pausedUntil > now { return RateLimitState(rule, before, at: now) }
        let own = rule.count(of: before, at: now) + 1
        // Redis may have lost the count (after a restart), or know of more.
        let failures = max(own, await counted(key, rule, isFirst: own == 1) ?? 0)
        let tally = Tally(
            failures: failures, lastAt: now, pausedUntil: now.addingTimeInterval(rule.pause(after: failures)))
        local.withLock { $0[key] = tally }
        await store(tally, key, rule)
        return RateLimitState(rule, tally, at: now)
    }

    /// Clears a subject's failures. Written explicitly to Redis, so that other instances don't use what they remember.
    func clear(_ rule: ThrottleRule, _ subject: String) async {
        let key = Self.key(rule, subject)
        // Most have none: that read spares a write at most sign-ins.
        guard let known = await tally(key), known.failures > 0 else { return }
        let forgiven = Tally(failures: 0, lastAt: clock(), pausedUntil: .distantPast)
        local.withLock { $0[key] = forgiven }
        await store(forgiven, key, rule)
    }

    private static func key(_ rule: ThrottleRule, _ subject: String) -> String {
        let digest = SHA256.hash(data: Array("\(rule.name)\n\(subject)".utf8))
        return "em:throttle:\(rule.name):\(Base64URL.encode(Array(digest.prefix(18))))"
    }

    // MARK: Redis

    private func tally(_ key: String) async -> Tally? {
        guard let redis else { return local.withLock { $0[key] } }
        do {
            let reply = try await redis.command(["HMGET", key, "failures", "last", "until"])
            guard case .array(let parts) = reply else { return nil }
            let numbers = parts.compactMap { $0.string.flatMap { Double($0) } }
            // Redis has no count, or was restarted: then this instance's memory counts.
            guard numbers.count == 3 else { return local.withLock { $0[key] } }
            let tally = Tally(
                failures: Int(numbers[0]), lastAt: Date(timeIntervalSince1970: numbers[1]),
                pausedUntil: Date(timeIntervalSince1970: numbers[2]))
            // Kept here too, in case Redis becomes unreachable.
            local.withLock { $0[key] = tally }
            return tally
        } catch {
            return local.withLock { $0[key] }
        }
    }

    /// Adds one to the shared count; nil while Redis is unreachable.
    private func counted(_ key: String, _ rule: ThrottleRule, isFirst: Bool) async -> Int? {
        guard let redis else { return nil }
        do {
            // An expired count starts over.
            if isFirst { try await redis.command(["DEL", key]) }
            return try await redis.command(["HINCRBY", key, "failures", "1"]).integer.map { Int($0) }
        } catch {
            return nil
        }
    }

    private func store(_ tally: Tally, _ key: String, _ rule: ThrottleRule) async {
        guard let redis else { return }
        await quietly {
            try await redis.command([
                "HSET", key, "failures", "\(tally.failures)", "last", "\(tally.lastAt.timeIntervalSince1970)", "until",
                "\(tally.pausedUntil.timeIntervalSince1970)",
            ])
            try await redis.command(["PEXPIRE", key, "\(Int((rule.memory + rule.longestPause) * 1000))"])
        }
    }

    /// Without Redis the local memory is used; its client logs that it is unreachable.
    private func quietly(_ body: () async throws -> Void) async {
        do { try await body() } catch {}
    }
}

/// Tallies of one process, in two generations: when the younger is full, the older is dropped.
private struct LocalTallies {
    let generation: Int
    private var young: [String: Tally] = [:]
    private var old: [String: Tally] = [:]

    init(generation: Int) { self.generation = generation }

    subscript(key: String) -> Tally? {
        get { young[key] ?? old[key] }
        set {
            if young.count >= generation, young[key] == nil {
                old = young
                young = [:]
            }
            young[key] = newValue
        }
    }
}
