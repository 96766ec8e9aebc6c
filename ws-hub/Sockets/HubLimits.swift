import Domain
import NIOCore
import Synchronization

/// What one hub lets a client have. Times are checked once a second, so they may end up to a second late.
struct HubLimits: Sendable {
    /// Sockets of this hub in all; beyond it the handshake is answered with 503.
    var sockets = 50_000
    /// Sockets from one address, of IPv6 one /64 network; beyond it the socket is closed with 4429. Not enforced with `EM_RATE_LIMIT=off`.
    var socketsPerAddress = 256
    /// Sockets of one signed-in person; beyond it 4429. Not enforced with `EM_RATE_LIMIT=off`.
    var socketsPerUser = 30
    /// Topics of one socket; beyond it 4429.
    var subscriptions = 50
    /// Frames from one socket within a second; beyond it 4429. Not enforced with `EM_RATE_LIMIT=off`.
    var framesPerSecond = 100
    /// Bytes of one message from a client, all fragments together; beyond it 4413.
    var messageBytes = 8192
    /// Bytes that wait for one socket beside the kernel's buffer and the 32 kB that NIO takes; beyond it 4480.
    var waitingBytes = 128 << 10
    /// Bytes of news that wait for one event loop; beyond it Redis is read no further until the loop has caught up.
    var inboxBytes = 4 << 20
    /// Bytes of news that one turn of a loop hands out, before sockets are read and written again.
    var turnBytes = 32 << 10
    /// The kernel's send buffer of one socket.
    var kernelSendBuffer: Int32 = 64 << 10
    /// How long a socket may take nothing at all before it counts as too slow: 4480.
    var stalled: Duration = .seconds(15)
    /// Silence after which a ping goes out.
    var ping: Duration = .seconds(24)
    /// Silence after which the peer counts as dead.
    var dead: Duration = .seconds(33)
    /// From asking for a private topic to a valid `authenticate`; beyond it 4408.
    var authentication: Duration = .seconds(5)
    /// How long a new connection may take to send its request.
    var handshake: Duration = .seconds(10)
    /// How long a closing socket may take to answer our close frame.
    var goodbye: Duration = .seconds(2)
    /// Counts of one topic leave at most this often.
    var countsInterval: Duration = .milliseconds(100)
    /// Seconds between two comparisons with the database; each is drawn from this range.
    var comparison: ClosedRange<Double> = 0.9...1.4
    /// At a restart the sockets are closed at random moments within this time.
    var drainSpread: Duration = .seconds(5)
    var areRatesLimited = true
}

extension NIODeadline {
    static func + (moment: NIODeadline, duration: Duration) -> NIODeadline { moment + TimeAmount(duration) }
}

/// How many sockets each address and each person holds, over all event loops; touched when one opens, signs in or
/// closes.
final class SocketCensus: Sendable {
    private struct State {
        var total = 0
        var byAddress: [String: Int] = [:]
        var byUser: [UserID: Int] = [:]
    }

    private let state = Mutex(State())

    var total: Int { state.withLock { $0.total } }

    /// Counts the socket in, and returns how many its address holds now.
    func enter(_ address: String) -> Int {
        state.withLock { state in
            state.total += 1
            return Self.add(address, to: &state.byAddress)
        }
    }

    /// Counts a socket as this person's, and returns how many are.
    func enter(_ user: UserID) -> Int { state.withLock { Self.add(user, to: &$0.byUser) } }

    /// - Parameter user: whose the socket was, if anybody's.
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
