import Domain
import FoundationEssentials
import Synchronization

/// A bucket of tokens for each API key: every request takes one, and they come back at a steady rate. Of this process:
/// behind two instances a key gets through up to twice as often.
final class KeyLimiter: Sendable {
    /// Tokens a second.
    static let rate = 20.0
    /// Tokens in a full bucket.
    static let burst = 200.0

    /// How a key stands after a request.
    struct Standing: Sendable, Hashable {
        var remaining: Int
        /// Seconds until the next request may be made; 0 when this one may.
        var wait: TimeInterval

        var retryAfter: Int { Int(wait.rounded(.up)) }
    }

    private struct Bucket {
        var tokens: Double
        var at: Date
    }

    /// Buckets kept; beyond it those that are full again are forgotten.
    private let capacity: Int
    private let buckets = Mutex<[APIKeyID: Bucket]>([:])

    init(capacity: Int = 10_000) { self.capacity = capacity }

    /// Takes a token, if there is one.
    func take(_ key: APIKeyID, now: Date) -> Standing {
        buckets.withLock { buckets in
            if buckets.count >= capacity, buckets[key] == nil {
                buckets = buckets.filter { Self.filled($0.value, now: now) < Self.burst }
                // All of them busy: whoever is new starts over, which costs nobody who is here.
                if buckets.count >= capacity { buckets.removeAll() }
            }
            var tokens = buckets[key].map { Self.filled($0, now: now) } ?? Self.burst
            let isAdmitted = tokens >= 1
            if isAdmitted { tokens -= 1 }
            buckets[key] = Bucket(tokens: tokens, at: now)
            return Standing(remaining: Int(tokens), wait: isAdmitted ? 0 : (1 - tokens) / Self.rate)
        }
    }

    private static func filled(_ bucket: Bucket, now: Date) -> Double {
        min(burst, bucket.tokens + max(0, now.timeIntervalSince(bucket.at)) * rate)
    }
}
