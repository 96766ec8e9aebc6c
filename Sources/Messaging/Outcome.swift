import AMQP
import Persistence
import Postgres

/// The disposition of a message by a worker.
public enum Outcome: Sendable, Equatable {
    /// Its effect is committed (or was before): ack.
    case done
    /// Redeliver it later: after the next delay of the ladder, or a longer one if `after` requires. `reason` is a slug
    /// for operators.
    case retry(after: Duration? = nil, reason: String = "failed")
    /// It was not tried: redeliver it after the ladder's second delay, without counting an attempt. `reason` is a slug.
    case postpone(reason: String)
    /// It can never be handled: park it with the reason, a slug for operators.
    case reject(reason: String)
}

/// The meaning of a handler's error: the one place where errors are mapped to outcomes.
enum HandlerFailure: Equatable {
    case outcome(Outcome)
    /// A dependency of every message is unreachable: the worker pauses, which counts as no attempt.
    case dependencyAway(reason: String)
    /// The worker is stopping: the message is returned unchanged.
    case handBack

    init(_ error: any Error) {
        switch error {
        case is CancellationError: self = .handBack
        case let error as PostgresError: self = Self.database(error)
        case let error as BrokerError where error.isRetriable: self = .dependencyAway(reason: "broker-away")
        case is DecodingError: self = .outcome(.reject(reason: "undecodable-data"))
        // An unforeseen error can be the message's fault or temporary: the retries will tell.
        default: self = .outcome(.retry(reason: "handler-failed"))
        }
    }

    private static func database(_ error: PostgresError) -> HandlerFailure {
        switch error.kind {
        case .connectionLost, .unreachable, .poolExhausted, .closed: .dependencyAway(reason: "database-away")
        case .cancelled: .handBack
        case .timedOut: .outcome(.retry(reason: "database-timeout"))
        case .server, .decoding, .invalidURL: .outcome(.retry(reason: "database-error"))
        }
    }
}
