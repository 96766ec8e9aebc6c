import CoreMetrics
import Domain
import FailPoints
import FoundationEssentials
import Logging
import OutgoingHTTP
import Persistence
import Postgres
import Webhooks

/// Makes one delivery attempt, and records the outcome.
///
/// The receiver's response only counts once it is committed: a process that dies in between leaves the delivery to the
/// next one, with the same `webhook-id`.
struct DeliverWebhook: Sendable {
    static let userAgent = "EM-Connect-Webhooks/1"

    let database: Database
    let store: WebhookStore
    let notifications: NotificationStore
    let sender: HTTPSender
    let key: WebhookKey
    let logger: Logger
    var clock: @Sendable () -> Date = { Date() }

    /// - Parameter deadline: the lease's; what can't be recorded until then is left to the next process.
    func perform(_ job: WebhookJob, until deadline: ContinuousClock.Instant) async throws {
        let (attempt, verdict) = try await attempt(job)
        FailPoint.point("webhook.answered")
        while true {
            do {
                return try await settle(job, attempt, verdict)
            } catch let error as PostgresError where error.isRetriable && ContinuousClock.now < deadline {
                try await Task.sleep(for: .milliseconds(200))
            }
        }
    }

    /// - Returns: the outcome; a nil verdict if it was delivered.
    private func attempt(_ job: WebhookJob) async throws -> (WebhookAttempt, WebhookVerdict?) {
        let startedAt = clock()
        let started = ContinuousClock.now
        func done(_ status: Int? = nil, error: WebhookError? = nil, excerpt: String? = nil) -> WebhookAttempt {
            WebhookAttempt(
                at: startedAt, status: status,
                durationMilliseconds: Int((ContinuousClock.now - started) / .milliseconds(1)),
                error: error, responseExcerpt: excerpt)
        }
        guard let message = job.message else { return (done(error: .messagePruned), .giveUp) }
        do throws(OutgoingError) {
            FailPoint.point("webhook.sending")
            let answer = try await sender.post(try request(job, message, at: startedAt))
            let attempt = done(answer.status, excerpt: Self.text(answer.excerpt))
            return (attempt, verdict(job, answer.status, retryAfter: answer.retryAfter))
        } catch .cancelled {
            throw CancellationError()
        } catch {
            return (done(error: WebhookError(error)), retry(job, retryAfter: nil))
        }
    }

    private func request(_ job: WebhookJob, _ message: CloudEvent, at now: Date) throws(OutgoingError)
        -> OutgoingRequest
    {
        let body: [UInt8]
        let signatures: String
        let timestamp = Int(now.timeIntervalSince1970)
        do {
            body = try message.encoded()
            signatures = try WebhookSecrets(
                key, subscription: job.subscriptionID, generation: job.generation, rotatedAt: job.rotatedAt, at: now
            ).signatures(id: message.id, timestamp: timestamp, body: body)
        } catch {
            logger.error("webhook not signed", metadata: ["error": "\(error)"])
            throw .library(0)
        }
        return OutgoingRequest(
            url: job.url,
            headers: [
                ("content-type", CloudEvent.contentType), ("user-agent", Self.userAgent),
                ("webhook-id", message.id.description), ("webhook-timestamp", "\(timestamp)"),
                ("webhook-signature", signatures),
            ], body: body)
    }

    private func verdict(_ job: WebhookJob, _ status: Int, retryAfter: Int?) -> WebhookVerdict? {
        switch status {
        case 200..<300: nil
        case 410: .gone
        default: retry(job, retryAfter: retryAfter)
        }
    }

    private func retry(_ job: WebhookJob, retryAfter: Int?) -> WebhookVerdict {
        let jitter = Double.random(in: 0...1)
        guard let delay = WebhookRetries.delay(afterAttempt: job.attempts + 1, retryAfter: retryAfter, jitter: jitter)
        else {
            return .giveUp
        }
        return .retry(at: clock() + delay * FailPoint.haste)
    }

    private func settle(_ job: WebhookJob, _ attempt: WebhookAttempt, _ verdict: WebhookVerdict?) async throws {
        guard let verdict else {
            try await database.transaction { transaction in
                try await store.commitDelivered(job, attempt, now: clock(), on: transaction)
            }
            return count("delivered")
        }
        let stop = try await database.transaction { transaction in
            let stop = try await store.noteFailure(
                job, attempt, verdict, haste: FailPoint.haste, now: clock(), on: transaction)
            if let stop {
                try await notifications.planSubscriptionNotice(
                    about: job.subscriptionID, stop, now: clock(), on: transaction)
            }
            return stop
        }
        switch verdict {
        case .retry: count("retry")
        case .giveUp: count("exhausted")
        case .gone: count("gone")
        }
        logger.info(
            "webhook not delivered",
            metadata: [
                "delivery_id": "\(job.id)", "subscription_id": "\(job.subscriptionID)",
                "attempt": "\(job.attempts + 1)",
                "status": "\(attempt.status.map(String.init) ?? "none")",
                "reason": "\(attempt.error?.rawValue ?? "refused")",
            ])
        if let stop {
            logger.warning(
                "subscription paused or disabled",
                metadata: ["subscription_id": "\(job.subscriptionID)", "status": "\(stop.status)"])
        }
    }

    /// Registers the metric at the start: 0 deliveries is a value, too.
    func show() { count("delivered", by: 0) }

    private func count(_ outcome: String, by deliveries: Int = 1) {
        Counter(label: "em_webhook_deliveries", dimensions: [("outcome", outcome)]).increment(by: deliveries)
    }

    /// The bytes as text that PostgreSQL accepts.
    private static func text(_ bytes: [UInt8]) -> String? {
        bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self).replacing("\0", with: "\u{FFFD}")
    }
}

extension WebhookError {
    fileprivate init(_ error: OutgoingError) {
        self =
            switch error {
            case .refusedAddress: .addressNotAllowed
            case .unknownHost: .unknownHost
            case .unreachable: .connectionFailed
            case .timedOut: .timedOut
            case .tls: .tlsFailed
            case .connectionLost: .connectionLost
            case .cancelled, .overloaded, .library: .notSent
            }
    }
}
