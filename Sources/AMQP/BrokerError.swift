/// Why a broker operation failed.
///
/// Descriptions hold names and codes, never a body, a header or a credential.
public struct BrokerError: Error, Sendable, Equatable, CustomStringConvertible {
    public enum Kind: Sendable, Equatable {
        /// The broker's URL can't be used; the text says what is wrong, without the URL itself.
        case invalidURL(String)
        /// No connection could be made before the deadline: nothing was sent.
        case unreachable(String)
        /// The broker refused the login or the virtual host: nothing was sent.
        case refused(code: Int, text: String)
        /// The connection broke while the operation was under way.
        case connectionLost(String)
        /// The broker closed the channel over this message, or over another one in flight beside it.
        case channelClosed(code: Int, text: String)
        /// The message could not be routed to any queue and came back.
        case returned(code: Int, text: String)
        /// The broker took no responsibility for the message (for instance a full queue that rejects).
        case nacked
        /// No answer before the deadline.
        case timedOut
        /// More messages are waiting than the publisher's bound allows: nothing was sent.
        case overloaded
        /// The task was cancelled.
        case cancelled
        /// The publisher or consumer is closed: nothing was sent.
        case closed
        /// The message can't be said in AMQP: a name over 255 bytes, or headers over 64 KiB. Nothing was sent.
        case invalidMessage
        /// The delivery was acked, rejected or handed back already.
        case alreadySettled
    }

    public let kind: Kind
    /// Whether the broker may have done it all the same: it was sent, and its answer never came.
    public let outcomeUnknown: Bool

    public init(_ kind: Kind, outcomeUnknown: Bool = false) {
        self.kind = kind
        self.outcomeUnknown = outcomeUnknown
    }

    /// Whether the same operation may succeed later without anyone changing it.
    public var isRetriable: Bool {
        switch kind {
        case .unreachable, .connectionLost, .nacked, .timedOut, .overloaded: true
        // Unroutable, or no such exchange or queue: the topology may be declared by then.
        case .returned, .channelClosed(code: 404, _): true
        // 320 CONNECTION_FORCED, 506 RESOURCE_ERROR, 541 INTERNAL_ERROR: the broker's own trouble. With an unknown
        // outcome the fault may be another message's.
        case .channelClosed(let code, _): outcomeUnknown || [320, 506, 541].contains(code)
        case .invalidURL, .refused, .cancelled, .closed, .invalidMessage, .alreadySettled: false
        }
    }

    public var description: String {
        let text =
            switch kind {
            case .invalidURL(let reason): "invalid broker URL: \(reason)"
            case .unreachable(let reason): "broker unreachable: \(reason)"
            case .refused(let code, let text): "broker refused the connection: \(code) \(text)"
            case .connectionLost(let reason): "broker connection lost: \(reason)"
            case .channelClosed(let code, let text): "broker closed the channel: \(code) \(text)"
            case .returned(let code, let text): "message returned: \(code) \(text)"
            case .nacked: "message refused by the broker (nack)"
            case .timedOut: "no answer from the broker in time"
            case .overloaded: "too many messages waiting for the broker"
            case .cancelled: "cancelled"
            case .closed: "closed"
            case .invalidMessage: "message has over-long names or headers"
            case .alreadySettled: "delivery already settled"
            }
        return outcomeUnknown ? text + " (outcome unknown)" : text
    }
}
