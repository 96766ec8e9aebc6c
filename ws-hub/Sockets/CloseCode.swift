/// Every code with which a socket of this hub can end, and what a client should do about it.
///
/// 1000–1999 as in RFC 6455 §7.4.1 and the IANA registry; 4000–4999 are ours and part of the product's contract.
enum CloseCode: UInt16, CaseIterable, Sendable {
    /// The client said goodbye without giving a code, or with this one. Nothing to do.
    case normal = 1000
    /// The bytes were no WebSocket protocol: unmasked, reserved bits or opcodes, wrong fragments, a wrong close frame.
    /// A bug of the client: don't reconnect with the same bytes.
    case protocolError = 1002
    /// A binary message; this protocol speaks text only.
    case unsupportedData = 1003
    /// A text or a close reason that is not UTF-8.
    case invalidPayload = 1007
    /// Well-formed, but not what this protocol knows: no JSON object, an unknown `type`, a missing field.
    case policy = 1008
    /// A mistake of the hub's. Reconnect with backoff.
    case internalError = 1011
    /// The hub is being replaced or stopped. Reconnect soon, at a random moment within a few seconds.
    case restart = 1012
    /// The token is forged, foreign, malformed or expired, its time ran out while connected, or its person lost the
    /// role that it tells of. Get a new token, reconnect, authenticate.
    case notAuthenticated = 4401
    /// Signed in, but this may not be had by this person (any more): somebody else's token on one socket, or a dashboard
    /// whose team the person has left. Reconnect without it.
    case notAllowed = 4403
    /// A private topic was asked for and no valid `authenticate` came within five seconds.
    case authenticationTimedOut = 4408
    /// The person signed out, the session was revoked (a new password does that) or the person is gone; within five
    /// seconds. Sign in again.
    case signedOut = 4409
    /// A frame or message is larger than the hub takes.
    case tooBig = 4413
    /// Too many sockets from this address or of this person, too many subscriptions, or too many messages. Reconnect
    /// with long backoff.
    case tooMany = 4429
    /// The client reads more slowly than its topics speak, beyond what is kept for it. Reconnect and start from the
    /// snapshot.
    case tooSlow = 4480
    /// No sign of life within ten seconds of a ping. Reconnect.
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

    /// Whether a client may send this code to us (RFC 6455 §7.4: reserved and unassigned ones may not travel).
    static func mayTravel(_ code: UInt16) -> Bool {
        switch code {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }
}
