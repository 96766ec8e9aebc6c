import Bootstrap
import CoreMetrics
import NIOCore

/// The metrics of a hub. Shared by all event loops; counters are atomic.
struct HubMetrics: Sendable {
    private let opened: Counter
    private let framesSent: Counter
    private let bytesSent: Counter
    private let conflated: Counter
    private let dropped: Counter
    private let healed: Counter
    private let delivery: CoreMetrics.Timer
    private let publishToWrite: CoreMetrics.Timer
    private let checksFailed: Counter
    private let closed: [CloseCode: Counter]
    private let left: Counter
    private let refused: [String: Counter]

    init(_ registry: PrometheusRegistry) {
        func counter(_ name: String, _ labels: [(String, String)] = []) -> Counter {
            Counter(label: name, dimensions: labels, factory: registry)
        }
        opened = counter("hub.sockets.opened")
        framesSent = counter("hub.frames.sent")
        bytesSent = counter("hub.bytes.sent")
        conflated = counter("hub.counts.conflated")
        dropped = counter("hub.frames.dropped")
        healed = counter("hub.updates.healed")
        delivery = CoreMetrics.Timer(label: "hub.delivery", dimensions: [], factory: registry)
        publishToWrite = CoreMetrics.Timer(label: "hub.publish.to.write", dimensions: [], factory: registry)
        checksFailed = counter("hub.revision.checks.failed")
        left = counter("hub.sockets.closed", [("code", "peer")])
        closed = Dictionary(
            uniqueKeysWithValues: CloseCode.allCases.map {
                ($0, counter("hub.sockets.closed", [("code", String($0.rawValue))]))
            })
        refused = Dictionary(
            uniqueKeysWithValues: ["400", "403", "405", "426", "503"].map {
                ($0, counter("hub.handshakes.refused", [("status", $0)]))
            })
        registry.describe(
            "hub_sockets_closed_total", "Closed sockets, by close code; peer: closed by the client.")
        registry.describe("hub_frames_dropped_total", "Frames pending for sockets that were closed as too slow.")
        registry.describe(
            "hub_delivery_seconds",
            "From the arrival of an update to its write to all sockets of one event loop.")
        registry.describe(
            "hub_publish_to_write_seconds",
            "From the relay's publish, by its clock, to the write to all subscribed sockets of one event loop.")
        registry.describe(
            "hub_updates_healed_total", "Updates found by the revision check that Redis had not delivered.")
    }

    func socketOpened() { opened.increment() }

    /// Counts a frame sent to `sockets` sockets.
    func sent(bytes: Int, to sockets: Int = 1) {
        framesSent.increment(by: sockets)
        bytesSent.increment(by: bytes * sockets)
    }

    /// Counts an update replaced by a newer one, in a topic or for a slow socket.
    func countsConflated() { conflated.increment() }

    /// Counts frames pending for a socket that was closed as too slow.
    func framesDropped(_ count: Int) { dropped.increment(by: count) }

    /// From the arrival of an update in this process to its write to the sockets of one loop.
    func delivered(after time: TimeAmount) { delivery.recordNanoseconds(time.nanoseconds) }

    /// From the relay's publish to the flush of the last socket of one loop, including conflation; frames queued for
    /// slow sockets are not waited for.
    func written(after time: TimeAmount) { publishToWrite.recordNanoseconds(time.nanoseconds) }

    func updateHealed() { healed.increment() }

    func checkFailed() { checksFailed.increment() }

    /// - Parameter code: nil if the client closed it.
    func socketClosed(_ code: CloseCode?) { (code.flatMap { closed[$0] } ?? left).increment() }

    func handshakeRefused(_ status: UInt) { refused[String(status)]?.increment() }
}
