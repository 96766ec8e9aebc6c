import AMQP
import Persistence
import Postgres

/// What becomes of a message that a worker had in hand.
public enum Outcome: Sendable, Equatable {
    /// Its effect is committed (or was before): it is acked.
    case done
    /// It comes again later: after the next rung of the ladder, or a later one if `after` asks for more. `reason` is a
    /// slug for operators.
    case retry(after: Duration? = nil, reason: String = "failed")
    /// It was not tried: it comes again after the ladder's second rung, and that counts no attempt. `reason` is a slug.
    case postpone(reason: String)
    /// It can't be handled, now or later: it is parked with the reason, a slug for operators.
    case reject(reason: String)
}

/// What an error of a handler means: the one place where errors become outcomes.
enum HandlerFailure: Equatable {
    case outcome(Outcome)
    /// Something that every message needs is away: the worker waits for it, which counts as no attempt.
    case dependencyAway(reason: String)
    /// The worker is stopping: the message goes back untouched.
    case handBack

    init(_ error: any Error) {
        switch error {
        case is CancellationError: self = .handBack
        case let error as PostgresError: self = Self.database(error)
        case let error as BrokerError where error.isRetriable: self = .dependencyAway(reason: "broker-away")
        case is DecodingError: self = .outcome(.reject(reason: "undecodable-data"))
        // An error nobody foresaw may be the message's fault or a passing one: the ladder finds out.
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
