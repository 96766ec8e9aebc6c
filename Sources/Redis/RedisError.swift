/// What went wrong between us and Redis. Neither the description nor the kind holds a value that was sent.
public struct RedisError: Error, Sendable, Equatable, CustomStringConvertible {
    public enum Kind: Sendable, Equatable {
        /// The address can't be used; the text says why.
        case invalidURL(String)
        /// No connection could be made; the command was not sent.
        case unreachable(String)
        /// Redis refused us: wrong password, no permission for `SELECT`, too many clients. `code` is its first word.
        case refused(code: String)
        /// The connection broke after the command was handed over: it may or may not have been carried out.
        case connectionLost
        /// No answer within the command's deadline. If it was sent, it may have been carried out.
        case timedOut
        /// Redis answered with an error. `code` is its first word (`WRONGTYPE`, `OOM`, `READONLY`, `ERR`…).
        case server(code: String)
        /// The bytes that came back were no Redis protocol.
        case protocolViolation
        /// The bound of waiting commands, bytes or channels is reached; the command was not sent.
        case overloaded
        /// The calling task was cancelled; if the command had been sent, it may have been carried out.
        case cancelled
        /// `close()` was called.
        case closed
    }

    public let kind: Kind

    public init(_ kind: Kind) { self.kind = kind }

    /// Whether the same command can succeed later without anybody changing anything.
    public var isRetriable: Bool {
        switch kind {
        case .unreachable, .connectionLost, .timedOut, .overloaded: true
        case .server(let code):
            ["LOADING", "BUSY", "TRYAGAIN", "CLUSTERDOWN", "MASTERDOWN", "OOM", "READONLY"].contains(code)
        case .refused(let code): code == "ERR" || code == "LOADING"  // "ERR max number of clients reached"
        case .invalidURL, .protocolViolation, .cancelled, .closed: false
        }
    }

    /// Whether the command may have been carried out although it failed here.
    public var outcomeUnknown: Bool {
        switch kind {
        case .connectionLost, .timedOut, .cancelled, .protocolViolation: true
        default: false
        }
    }

    public var description: String {
        switch kind {
        case .invalidURL(let reason): "Redis address: \(reason)"
        case .unreachable(let reason): "Redis is unreachable: \(reason)"
        case .refused(let code): "Redis refused the connection: \(code)"
        case .connectionLost: "The connection to Redis was lost"
        case .timedOut: "Redis did not answer in time"
        case .server(let code): "Redis answered with an error: \(code)"
        case .protocolViolation: "The answer was not the Redis protocol"
        case .overloaded: "Too much is waiting for Redis"
        case .cancelled: "The Redis command was cancelled"
        case .closed: "The Redis client is closed"
        }
    }
}
