public import Domain
public import FoundationEssentials
public import Postgres

/// What one attempt to deliver came to.
public struct WebhookAttempt: Sendable {
    public var at: Date
    /// What the receiver answered; nil without an answer.
    public var status: Int?
    public var durationMilliseconds: Int
    /// Why there was no answer.
    public var error: WebhookError?
    /// The beginning of the answer's body.
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

/// What a failed attempt means for its delivery.
public enum WebhookVerdict: Sendable, Hashable {
    /// It is tried again then.
    case retry(at: Date)
    /// It is given up.
    case giveUp
    /// The receiver wants nothing any more.
    case gone
}

/// Why no more deliveries are made.
public struct WebhookStop: Sendable, Hashable {
    public enum Status: String, Sendable {
        case paused, disabled
    }

    public var status: Status
    public var reason: SubscriptionStatusReason
}

extension WebhookStore {
    /// A receiver that takes longer, in seconds, is slow for a while.
    private static let slowness = 3.0
    private static let slownessLasts = 60.0

    /// Notes that a delivery arrived; the last thing that its transaction does.
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
            // Mostly nothing has changed: a row that everybody writes would make them wait for each other.
            """
            UPDATE subscriptions SET last_delivery_at = \(now), failing_since = NULL, failures = 0, resting_until = NULL,
                rests = 0, slow_until = \(slowUntil)
            WHERE id = \(job.subscriptionID) AND (
                last_delivery_at IS NULL OR last_delivery_at < \(now - Self.precision) OR failing_since IS NOT NULL
                OR \(isSlow) OR slow_until IS NOT NULL)
            """,
        ])
    }

    /// Notes a failed attempt, and lets its subscription rest.
    /// - Returns: why the subscription gets nothing any more, if that is so from now on: because of a 410, or because
    ///   nothing has arrived for a day and many tries, or because a delivery was given up and nothing has arrived since it
    ///   was first tried.
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
            // Those that were on their way together rest once.
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

    /// How many deliveries are not over, and since when the oldest of those that are tried has been due: not counted are
    /// subscriptions that are paused, or whose person may not have what they are about.
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
