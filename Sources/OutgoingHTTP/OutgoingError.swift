/// Why a request got no response.
public enum OutgoingError: Error, Sendable, Hashable {
    /// No address of the name is allowed.
    case refusedAddress
    /// The name is unknown, or name resolution failed.
    case unknownHost
    /// Connection refused, or no route.
    case unreachable
    /// No complete response within the time limit.
    case timedOut
    /// No secure connection: an invalid certificate, or no common protocol.
    case tls
    /// The server closed the connection, or did not send HTTP.
    case connectionLost
    /// The calling task was cancelled; the request may have arrived.
    case cancelled
    /// The maximum number of requests is in flight.
    case overloaded
    /// Any other libcurl error, by its number (libcurl-errors(3)).
    case library(Int)
}
