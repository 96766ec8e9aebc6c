import Domain
import FoundationEssentials
import Redis
import Synchronization

/// A token bucket per API key: every request takes a token, and tokens refill at a steady rate.
///
/// The buckets are in Redis, shared by all instances. While it is unreachable each instance uses its own, initialized
/// from the last known shared state: then a key used with two instances gets up to twice the rate.
final class KeyLimiter: Sendable {
    /// Tokens per second.
    static let rate = 20.0
    /// Tokens in a full bucket.
    static let burst = 200.0

    /// The state of a key's limit after a request.
    struct Allowance: Sendable, Hashable {
        var remaining: Int
        /// Seconds until the next request is allowed; 0 if this one is.
        var wait: TimeInterval

        var retryAfter: Int { Int(wait.rounded(.up)) }
    }

    private let redis: RedisClient?
    private let local: LocalBuckets

    /// - Parameters:
    ///   - redis: nil if there is none (tests): the local buckets decide.
    ///   - capacity: maximum local buckets; above that, full ones are removed.
    init(redis: RedisClient? = nil, capacity: Int = 10_000) {
        self.redis = redis
        local = LocalBuckets(capacity: capacity)
    }

    /// Takes a token, if there is one.
    /// - Parameter now: for the local buckets; Redis uses its own clock, which is the same for all instances.
    func take(_ key: APIKeyID, now: Date) async -> Allowance {
        guard let redis, let allowance = await taken(from: redis, key) else { return local.take(key, now: now) }
        local.set(key, allowance, now: now)
        return allowance
    }

    /// The bucket as the time at which it will be full again, in microseconds (the generic cell rate algorithm, ITU-T
    /// I.371): one number, read and written in one step. Returns the remaining tokens and the microseconds to wait.
    private static let script = """
        local time = redis.call('TIME')
        local now = time[1] * 1000000 + time[2]
        local price, size = tonumber(ARGV[1]), tonumber(ARGV[2])
        local full = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now) + price
        if full - now > size then return {0, full - now - size} end
        redis.call('SET', KEYS[1], string.format('%.0f', full), 'PX', math.ceil((full - now) / 1000))
        return {math.floor((size - (full - now)) / price), 0}
        """

    /// Nil while Redis is unreachable; its client logs that.
    private func taken(from redis: RedisClient, _ key: APIKeyID) async -> Allowance? {
        let price = 1e6 / Self.rate
        do {
            let reply = try await redis.command([
                "EVAL", Self.script, "1", "em:key-limit:\(key)", "\(Int(price))", "\(Int(price * Self.burst))",
            ])
            guard case .array(let numbers) = reply, numbers.count == 2, let remaining = numbers[0].integer,
                let wait = numbers[1].integer
            else { return nil }
            return Allowance(remaining: Int(remaining), wait: Double(wait) / 1e6)
        } catch {
            return nil
        }
    }
}

/// The buckets of one process.
private final class LocalBuckets: Sendable {
    private struct Bucket {
        var tokens: Double
        var at: Date

        func filled(at now: Date) -> Double {
            min(KeyLimiter.burst, tokens + max(0, now.timeIntervalSince(at)) * KeyLimiter.rate)
        }
    }

    private let capacity: Int
    private let buckets = Mutex<[APIKeyID: Bucket]>([:])

    init(capacity: Int) { self.capacity = capacity }

    func take(_ key: APIKeyID, now: Date) -> KeyLimiter.Allowance {
        buckets.withLock { buckets in
            Self.makeRoom(for: key, in: &buckets, capacity, now: now)
            var tokens = buckets[key]?.filled(at: now) ?? KeyLimiter.burst
            let isAdmitted = tokens >= 1
            if isAdmitted { tokens -= 1 }
            buckets[key] = Bucket(tokens: tokens, at: now)
            return KeyLimiter.Allowance(
                remaining: Int(tokens), wait: isAdmitted ? 0 : (1 - tokens) / KeyLimiter.rate)
        }
    }

    /// Remembers the shared state of a key.
    func set(_ key: APIKeyID, _ allowance: KeyLimiter.Allowance, now: Date) {
        buckets.withLock { buckets in
            Self.makeRoom(for: key, in: &buckets, capacity, now: now)
            buckets[key] = Bucket(tokens: Double(allowance.remaining), at: now)
        }
    }

    private static func makeRoom(
        for key: APIKeyID, in buckets: inout [APIKeyID: Bucket], _ capacity: Int, now: Date
    ) {
        guard buckets.count >= capacity, buckets[key] == nil else { return }
        buckets = buckets.filter { $0.value.filled(at: now) < KeyLimiter.burst }
        // All of them in use: everything starts over, which costs no existing key anything.
        if buckets.count >= capacity { buckets.removeAll() }
    }
}
