import Domain
import NIOCore
import Synchronization

/// The per-client limits of one hub. Times are checked once a second, so they can be exceeded by up to a second.
struct HubLimits: Sendable {
    /// Total sockets of this hub; above that, the handshake is refused with 503.
    var sockets = 50_000
    /// Sockets per address, for IPv6 per /64 network; above that, the socket is closed with 4429. Not enforced with
    /// `EM_RATE_LIMIT=off`.
    var socketsPerAddress = 256
    /// Sockets per signed-in person; above that, 4429. Not enforced with `EM_RATE_LIMIT=off`.
    var socketsPerUser = 30
    /// Topics per socket; above that, 4429.
    var subscriptions = 50
    /// Frames per socket and second; above that, 4429. Not enforced with `EM_RATE_LIMIT=off`.
    var framesPerSecond = 100
    /// Bytes of one client message, all fragments together; above that, 4413.
    var messageBytes = 8192
    /// Bytes waiting for one socket, besides the kernel's buffer and the 32 kB that NIO accepts; above that, 4480.
    var waitingBytes = 128 << 10
    /// Bytes of updates waiting for one event loop; above that, Redis is not read until the loop has caught up.
    var inboxBytes = 4 << 20
    /// Bytes of updates per turn of a loop, before sockets are read and written again.
    var turnBytes = 32 << 10
    /// The kernel's send buffer of one socket.
    var kernelSendBuffer: Int32 = 64 << 10
    /// How long a socket can accept nothing at all before it counts as too slow: 4480.
    var stalled: Duration = .seconds(15)
    /// Silence after which a ping is sent.
    var ping: Duration = .seconds(24)
    /// Silence after which the peer is considered dead.
    var dead: Duration = .seconds(33)
    /// From the request of a private topic to a valid `authenticate`; above that, 4408.
    var authentication: Duration = .seconds(5)
    /// How long a new connection can take to send its request.
    var handshake: Duration = .seconds(10)
    /// How long a closing socket can take to answer our close frame.
    var goodbye: Duration = .seconds(2)
    /// Minimum interval between counts of one topic.
    var countsInterval: Duration = .milliseconds(100)
    /// Seconds between two revision checks; each is drawn from this range.
    var comparison: ClosedRange<Double> = 0.9...1.4
    /// On shutdown, the sockets are closed at random times within this period.
    var drainSpread: Duration = .seconds(5)
    var areRatesLimited = true
}

extension NIODeadline {
    static func + (moment: NIODeadline, duration: Duration) -> NIODeadline { moment + TimeAmount(duration) }
}

/// The number of sockets per address and per person, over all event loops; updated when one opens, signs in or closes.
final class SocketCensus: Sendable {
    private struct State {
        var total = 0
        var byAddress: [String: Int] = [:]
        var byUser: [UserID: Int] = [:]
    }

    private let state = Mutex(State())

    var total: Int { state.withLock { $0.total } }

    /// Adds a socket, and returns how many its address has now.
    func enter(_ address: String) -> Int {
        state.withLock { state in
            state.total += 1
            return Self.add(address, to: &state.byAddress)
        }
    }

    /// Adds a socket of this person, and returns how many there are.
    func enter(_ user: UserID) -> Int { state.withLock { Self.add(user, to: &$0.byUser) } }

    /// - Parameter user: the socket's person, if any.
    func leave(_ address: String, _ user: UserID?) {
        state.withLock { state in
            state.total -= 1
            Self.remove(address, from: &state.byAddress)
            if let user { Self.remove(user, from: &state.byUser) }
        }
    }

    private static func add<Key>(_ key: Key, to counts: inout [Key: Int]) -> Int {
        counts[key, default: 0] += 1
        return counts[key] ?? 0
    }

    private static func remove<Key>(_ key: Key, from counts: inout [Key: Int]) {
        guard let count = counts[key] else { return }
        counts[key] = count > 1 ? count - 1 : nil
    }
}
