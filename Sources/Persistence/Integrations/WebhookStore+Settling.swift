public import Domain
public import FoundationEssentials
public import Postgres

/// The result of one delivery attempt.
public struct WebhookAttempt: Sendable {
    public var at: Date
    /// The receiver's response status; nil without a response.
    public var status: Int?
    public var durationMilliseconds: Int
    /// Why there was no response.
    public var error: WebhookError?
    /// The beginning of the response body.
    public var responseExcerpt: String?

    public init(
        at: Date, status: Int? = nil, durationMilliseconds: Int, error: WebhookError? = nil,
        responseExcerpt: String? = nil
    ) {
        self.at = at
        self.status = status
        self.durationMilliseconds = durationMilliseconds
        self.error = error
        self.responseExcerpt = responseExcerpt
    }
}

/// The consequence of a failed attempt for its delivery.
public enum WebhookVerdict: Sendable, Hashable {
    /// Retried at that time.
    case retry(at: Date)
    case giveUp
    /// The receiver has unsubscribed (410).
    case gone
}

/// Why a subscription no longer gets deliveries; the text is for its owner.
public struct WebhookStop: Sendable, Hashable {
    public enum Status: String, Sendable {
        case paused, disabled
    }

    public var status: Status
    public var reason: SubscriptionStatusReason
}

extension WebhookStore {
    /// A receiver that takes longer, in seconds, counts as slow for a while.
    private static let slowness = 3.0
    private static let slownessLasts = 60.0

    /// Records a successful delivery and commits: the last operation of its transaction.
    public func commitDelivered(
        _ job: WebhookJob, _ attempt: WebhookAttempt, now: Date, on transaction: Transaction
    ) async throws {
        let isSlow = Double(attempt.durationMilliseconds) / 1000 > Self.slowness
        let slowUntil = isSlow ? now + Self.slownessLasts : nil
        try await transaction.commit(after: [
            """
            UPDATE webhook_deliveries SET status = 'delivered', attempts = attempts + 1, next_attempt_at = NULL,
                lease_until = NULL, finished_at = \(now)
            WHERE id = \(job.id)
            """,
            Self.insertion(attempt, of: job.id),
            // Usually nothing has changed: writing a shared row each time would serialize all deliveries.
            """
            UPDATE subscriptions SET last_delivery_at = \(now), failing_since = NULL, failures = 0, resting_until = NULL,
                rests = 0, slow_until = \(slowUntil)
            WHERE id = \(job.subscriptionID) AND (
                last_delivery_at IS NULL OR last_delivery_at < \(now - Self.precision) OR failing_since IS NOT NULL
                OR \(isSlow) OR slow_until IS NOT NULL)
            """,
        ])
    }

    /// Records a failed attempt, and pauses its subscription between attempts.
    /// - Returns: why the subscription gets no more deliveries, if that is new: because of a 410, or because nothing
    ///   was delivered for a day and many attempts, or because a delivery was given up and nothing was delivered since
    ///   its first attempt.
    public func noteFailure(
        _ job: WebhookJob, _ attempt: WebhookAttempt, _ verdict: WebhookVerdict, haste: Double, now: Date,
        on transaction: Transaction
    ) async throws -> WebhookStop? {
        var next: Date?
        if case .retry(let time) = verdict { next = time }
        let status: WebhookDeliveryStatus = next == nil ? .failed : .retrying
        let updated = try await transaction.pipeline([
            """
            UPDATE webhook_deliveries SET status = \(status), attempts = attempts + 1, next_attempt_at = \(next),
                lease_until = NULL, finished_at = \(next == nil ? now : nil)
            WHERE id = \(job.id)
            """,
            Self.insertion(attempt, of: job.id),
            // Concurrent failures count as one.
            """
            UPDATE subscriptions SET failing_since = coalesce(failing_since, \(attempt.at)), failures = failures + 1,
                rests = CASE WHEN \(fragment: Self.restIsOver(attempt)) THEN rests + 1 ELSE rests END,
                resting_until = CASE WHEN \(fragment: Self.restIsOver(attempt))
                    THEN \(now)::timestamptz + (5 * 2 ^ least(rests, 6) * \(haste)) * interval '1 second'
                    ELSE resting_until END
            WHERE id = \(job.subscriptionID)
            RETURNING status, failing_since, failures
            """,
        ])
        guard let row = updated.last?.first, try row.decode("status", as: String.self) == "active" else { return nil }
        let since = try row.decode("failing_since", as: Date.self)
        let tries = try row.decode("failures", as: Int.self)
        let isTimeOver = now.timeIntervalSince(since) >= WebhookRetries.timeout
        let isHopeless = verdict == .giveUp || (isTimeOver && tries >= WebhookRetries.patientTries)
        let stop: WebhookStop
        if verdict == .gone {
            stop = WebhookStop(status: .disabled, reason: .receiverGone)
        } else if isHopeless {
            stop = WebhookStop(status: .paused, reason: .nothingDelivered)
        } else {
            return nil
        }
        _ = try await transaction.query(
            """
            UPDATE subscriptions SET status = \(stop.status.rawValue), status_reason = \(stop.reason.rawValue)
            WHERE id = \(job.subscriptionID)
            """)
        return stop
    }

    private static func restIsOver(_ attempt: WebhookAttempt) -> SQL {
        "(resting_until IS NULL OR resting_until <= \(attempt.at))"
    }

    private static func insertion(_ attempt: WebhookAttempt, of delivery: WebhookDeliveryID) -> SQL {
        """
        INSERT INTO webhook_attempts (delivery_id, at, status, duration_ms, error, excerpt)
        VALUES (\(delivery), \(attempt.at), \(attempt.status)::integer, \(attempt.durationMilliseconds)::integer,
            \(attempt.error?.rawValue), \(attempt.responseExcerpt))
        """
    }

    /// The number of unfinished deliveries, and since when the oldest one being attempted has been due. Excludes
    /// subscriptions that are paused, or whose owner isn't entitled to them.
    public func backlog(now: Date) async throws -> (waiting: Int, oldestDue: Date?) {
        let rows = try await database.read(
            """
            \(fragment: Self.pending)
            SELECT coalesce(sum(d.count), 0)::bigint AS waiting,
                min(greatest(d.due, s.resting_until)) FILTER (WHERE greatest(d.due, s.resting_until) <= \(now)) AS oldest
            FROM pending JOIN subscriptions s ON s.id = pending.subscription_id
            JOIN users u ON \(fragment: Self.mayWant) CROSS JOIN LATERAL (
                SELECT count(*) AS count, min(next_attempt_at) AS due FROM webhook_deliveries w
                WHERE w.subscription_id = s.id AND w.next_attempt_at IS NOT NULL
            ) d
            WHERE \(fragment: Self.isActive)
            """)
        guard let row = rows.first else { return (0, nil) }
        return (try row.decode("waiting"), try row.decode("oldest"))
    }
}

extension WebhookDeliveryStatus: PostgresEncodable, PostgresDecodable {}
