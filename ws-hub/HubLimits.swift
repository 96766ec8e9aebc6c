import NIOCore
import Synchronization

/// What one hub lets a client have. Times are checked once a second, so they may end up to a second late.
struct HubLimits: Sendable {
    /// Sockets of this hub in all; beyond it the handshake is answered with 503.
    var sockets = 50_000
    /// Sockets from one address; beyond it the socket is closed with 4429. Not enforced with `EM_RATE_LIMIT=off`.
    var socketsPerAddress = 256
    /// Topics of one socket; beyond it 4429.
    var subscriptions = 50
    /// Frames from one socket within a second; beyond it 4429. Not enforced with `EM_RATE_LIMIT=off`.
    var framesPerSecond = 100
    /// Bytes of one message from a client, all fragments together; beyond it 4413.
    var messageBytes = 8192
    /// Bytes that wait for one socket beside the kernel's buffer and the 32 kB that NIO takes; beyond it 4480.
    var waitingBytes = 128 << 10
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
    /// How long a closing socket may take to answer our close frame, and a new connection to send its request.
    var goodbye: Duration = .seconds(2)
    /// Counts of one topic leave at most this often.
    var countsInterval: Duration = .milliseconds(100)
    /// At a restart the sockets are closed at random moments within this time.
    var drainSpread: Duration = .seconds(5)
    var areRatesLimited = true
}

extension NIODeadline {
    static func + (moment: NIODeadline, duration: Duration) -> NIODeadline { moment + TimeAmount(duration) }
}

/// How many sockets each address holds, over all event loops; touched when one opens or closes.
final class SocketCensus: Sendable {
    private struct State {
        var total = 0
        var byAddress: [String: Int] = [:]
    }

    private let state = Mutex(State())

    var total: Int { state.withLock { $0.total } }

    /// Counts the socket in, and returns how many its address holds now.
    func enter(_ address: String) -> Int {
        state.withLock { state in
            state.total += 1
            state.byAddress[address, default: 0] += 1
            return state.byAddress[address] ?? 0
        }
    }

    func leave(_ address: String) {
        state.withLock { state in
            state.total -= 1
            if let count = state.byAddress[address], count > 1 {
                state.byAddress[address] = count - 1
            } else {
                state.byAddress[address] = nil
            }
        }
    }
}
