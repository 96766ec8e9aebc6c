public import FoundationEssentials

public enum WebhookDeliveryStatus: String, Codable, Sendable, CaseIterable {
    case queued, retrying, delivered, failed
}

/// The retry schedule of failed deliveries: they are given up after about three days.
public enum WebhookRetries {
    /// In seconds, after the first attempt, the second, ….
    static let delays: [Double] = [5, 30, 120, 600, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 86_400, 86_400]
    /// The maximum Retry-After that a receiver can request, in seconds.
    static let longestRetryAfter = 86_400.0

    /// Seconds to wait after an attempt; nil if it was the last one.
    ///
    /// - Parameters:
    ///   - attempt: from 1.
    ///   - retryAfter: seconds, from the receiver's Retry-After.
    ///   - jitter: from 0 to 1; spreads simultaneous failures over a fifth of the delay.
    public static func delay(afterAttempt attempt: Int, retryAfter: Int?, jitter: Double) -> Double? {
        guard attempt >= 1, attempt <= delays.count else { return nil }
        let own = delays[attempt - 1] * (0.9 + 0.2 * jitter)
        return max(own, min(Double(retryAfter ?? 0), longestRetryAfter))
    }

    /// A subscription is paused after failing for this long, in seconds, and this often.
    public static let timeout = 86_400.0
    public static let patientTries = 20
}

extension CloudEvent {
    /// The type of a test message; no event has it.
    public static let testType = "em.subscription.test"

    /// A test message; it has no content.
    public static func test(_ id: MessageID, of subscription: SubscriptionID, at time: Date) -> CloudEvent {
        CloudEvent(
            id: id, type: testType, subject: nil, time: time, sequence: nil, traceparent: nil,
            data: Array(#"{"subscriptionId":"\#(subscription)"}"#.utf8))
    }
}

/// Why an attempt to deliver to a webhook got no answer. Stored and sent by its raw value, which is stable.
public enum WebhookError: String, CaseIterable, Encodable, Sendable {
    case addressNotAllowed = "address-not-allowed"
    case unknownHost = "unknown-host"
    case connectionFailed = "connection-failed"
    case timedOut = "timed-out"
    case tlsFailed = "tls-failed"
    case connectionLost = "connection-lost"
    case notSent = "not-sent"
    case messagePruned = "message-pruned"

    /// - Parameter stored: a raw value, or the words that earlier releases stored in its place.
    public init?(stored: String) {
        guard let found = Self.allCases.first(where: { $0.rawValue == stored || $0.words == stored }) else {
            return nil
        }
        self = found
    }

    /// For the subscription's owner; as earlier releases stored it.
    public var words: String {
        switch self {
        case .addressNotAllowed: "address not allowed"
        case .unknownHost: "unknown host"
        case .connectionFailed: "no connection"
        case .timedOut: "no answer in time"
        case .tlsFailed: "no secure connection"
        case .connectionLost: "connection lost"
        case .notSent: "not sent"
        case .messagePruned: "no longer in the event log"
        }
    }
}
