/// The close codes of the hub's sockets, and what a client should do about each.
///
/// 1000–1999 as in RFC 6455 §7.4.1 and the IANA registry; 4000–4999 are ours and part of the product's contract.
enum CloseCode: UInt16, CaseIterable, Sendable {
    /// The client closed the connection, with this code or without one. Nothing to do.
    case normal = 1000
    /// The bytes violate the WebSocket protocol: unmasked, reserved bits or opcodes, wrong fragments, an invalid close
    /// frame. A client bug: don't reconnect with the same bytes.
    case protocolError = 1002
    /// A binary message; the protocol supports text only.
    case unsupportedData = 1003
    /// A text or a close reason that is not UTF-8.
    case invalidPayload = 1007
    /// Well-formed, but not part of this protocol: not a JSON object, an unknown `type`, a missing field.
    case policy = 1008
    /// An error in the hub. Reconnect with back-off.
    case internalError = 1011
    /// The hub is being replaced or stopped. Reconnect soon, after a random delay of up to a few seconds.
    case restart = 1012
    /// The token is forged, foreign, malformed or expired, also while connected, or its person has lost the role that
    /// it states. Get a new token, reconnect, authenticate.
    case notAuthenticated = 4401
    /// Signed in, but without access to this, or no longer: someone else's token on one socket, or a dashboard whose
    /// team the person has left. Reconnect without it.
    case notAllowed = 4403
    /// A private topic was requested, and no valid `authenticate` arrived within five seconds.
    case authenticationTimedOut = 4408
    /// The person signed out, the session was revoked (a new password does that) or the person was deleted; within five
    /// seconds. Sign in again.
    case signedOut = 4409
    /// A frame or message is larger than the hub accepts.
    case tooBig = 4413
    /// Too many sockets of this address or person, too many subscriptions, or too many messages. Reconnect with a long
    /// back-off.
    case tooMany = 4429
    /// The client reads more slowly than its topics send, beyond the buffer limit. Reconnect and start from the
    /// snapshot.
    case tooSlow = 4480
    /// No response within ten seconds of a ping. Reconnect.
    case unresponsive = 4481

    /// The reason in the close frame: short, constant, without a value.
    var reason: String {
        switch self {
        case .normal: ""
        case .protocolError: "protocol error"
        case .unsupportedData: "text only"
        case .invalidPayload: "not UTF-8"
        case .policy: "not understood"
        case .internalError: "internal error"
        case .restart: "restart"
        case .notAuthenticated: "not authenticated"
        case .notAllowed: "not allowed"
        case .authenticationTimedOut: "authentication timed out"
        case .signedOut: "signed out"
        case .tooBig: "too big"
        case .tooMany: "too many"
        case .tooSlow: "too slow"
        case .unresponsive: "unresponsive"
        }
    }

    /// Whether a client can send this code (RFC 6455 §7.4: reserved and unassigned codes can't be sent).
    static func mayTravel(_ code: UInt16) -> Bool {
        switch code {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }
}
