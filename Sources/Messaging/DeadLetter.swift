public import AMQP
import Crypto
public import Domain
public import FoundationEssentials

/// A message that a worker has parked, as found in its parking queue.
public struct DeadLetter: Sendable {
    /// Derived from queue and message: the same on every listing.
    public let id: UUID
    public let queue: WorkerQueue
    public let message: AMQP.Message

    init(_ message: AMQP.Message, in queue: WorkerQueue) {
        self.queue = queue
        self.message = message
        var hash = SHA256()
        for part in [Array(queue.name.utf8), Array((message.properties.messageID ?? "").utf8), message.body] {
            withUnsafeBytes(of: UInt64(part.count).bigEndian) { hash.update(bufferPointer: $0) }
            hash.update(data: part)
        }
        var bytes = Array(hash.finalize().prefix(16))
        // UUID version 8, custom (RFC 9562 §5.8).
        bytes[6] = bytes[6] & 0x0F | 0x80
        bytes[8] = bytes[8] & 0x3F | 0x80
        id = bytes.withUnsafeBytes { UUID(uuid: $0.loadUnaligned(as: uuid_t.self)) }
    }

    /// Nil for what is not a CloudEvent.
    public var event: CloudEvent? {
        // An undecodable message is parked for that very reason.
        do { return try CloudEvent(decoding: message.body) } catch { return nil }
    }

    public var messageID: String? { message.properties.messageID }
    public var type: String? { message.properties.type ?? event?.type }
    /// A slug: the worker's, or the broker's own (`delivery_limit`).
    public var reason: String { text(Header.reason) ?? brokersReason ?? "unknown" }
    public var lastFailure: String? { text(Header.lastFailure) }
    public var attempts: Int { max(1, message.properties.headers[Header.attempt]?.intValue ?? 1) }
    /// How often an operator replayed it.
    public var replays: Int { message.properties.headers[Header.replays]?.intValue ?? 0 }
    public var firstSeen: Date? { text(Header.firstSeen).flatMap(Timestamp.parse) }
    public var lastFailedAt: Date? { text(Header.lastFailureAt).flatMap(Timestamp.parse) }

    private func text(_ header: String) -> String? { message.properties.headers[header]?.stringValue }

    /// The reason of messages that the broker parked by itself.
    private var brokersReason: String? {
        if let first = text("x-first-death-reason") { return first }
        guard case .array(let deaths)? = message.properties.headers["x-death"], case .table(let last)? = deaths.first
        else { return nil }
        return last["reason"]?.stringValue
    }

    /// The same message for its worker's queue, with its id and a full set of retries.
    func replayed() -> AMQP.Message {
        var replayed = message
        replayed.exchange = ""
        replayed.routingKey = queue.name
        replayed.mandatory = true
        var headers = message.properties.headers.filter { !$0.key.hasPrefix("x-") }
        headers[Header.attempt] = nil
        headers[Header.reason] = nil
        headers[Header.replays] = .int(replays + 1)
        replayed.properties.headers = headers
        return replayed
    }
}
