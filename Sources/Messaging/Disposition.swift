import AMQP
import Persistence
import Postgres

/// What a worker does with a message after handling it. Reasons are slugs for operators.
public enum Disposition: Sendable, Equatable {
    /// Acknowledge it: its effect is committed, now or by an earlier delivery.
    case ack
    /// Deliver it again after the next delay of the retry ladder, or after the first delay that is at least `after`.
    case retry(after: Duration? = nil, reason: String = "failed")
    /// Deliver it again after the ladder's second delay; it was not attempted, so this counts no attempt.
    case postpone(reason: String)
    /// Move it to the parked messages: it can't be handled, now or later.
    case park(reason: String)
}

/// What an error of a handler means: the one place where errors become dispositions.
enum HandlerFailure: Equatable {
    case disposition(Disposition)
    /// Something that every message needs is unreachable: the worker waits for it, which counts no attempt.
    case dependencyUnreachable(reason: String)
    /// The worker is stopping: the message is released, unchanged.
    case release

    init(_ error: any Error) {
        switch error {
        case is CancellationError: self = .release
        case let error as PostgresError: self = Self.database(error)
        case let error as BrokerError where error.isRetriable: self = .dependencyUnreachable(reason: "broker-away")
        case is DecodingError: self = .disposition(.park(reason: "undecodable-data"))
        // An error nobody foresaw may be the message's fault or a passing one: the ladder finds out.
        default: self = .disposition(.retry(reason: "handler-failed"))
        }
    }

    private static func database(_ error: PostgresError) -> HandlerFailure {
        switch error.kind {
        case .connectionLost, .unreachable, .poolExhausted, .closed: .dependencyUnreachable(reason: "database-away")
        case .cancelled: .release
        case .timedOut: .disposition(.retry(reason: "database-timeout"))
        case .server, .decoding, .invalidURL: .disposition(.retry(reason: "database-error"))
        }
    }
}
