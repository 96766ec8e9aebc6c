/// Why a request got no answer.
public enum OutgoingError: Error, Sendable, Hashable {
    /// Every address of the name is one that no connection may be opened to.
    case refusedAddress
    /// The name is unknown, or its server could not be asked.
    case unknownHost
    /// Nobody listens there, or no way leads there.
    case unreachable
    /// No whole answer within the limit.
    case timedOut
    /// No secure connection: a certificate that does not hold, or no common protocol.
    case tls
    /// The server hung up, or spoke something other than HTTP.
    case connectionLost
    /// The calling task was cancelled; the request may have arrived.
    case cancelled
    /// As many requests are under way already as may be.
    case overloaded
    /// Anything else libcurl answers, by its number (libcurl-errors(3)).
    case library(Int)
}
