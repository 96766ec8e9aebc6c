import Bootstrap
import FailPoints
import FoundationEssentials
import Logging
import Persistence
import ServiceLifecycle
import Synchronization

/// Whether emails are sent: not while an administrator has paused sending, nor while the mail server rejects us, except
/// for one email from time to time that probes whether it still does.
///
/// During a pause, messages in flight wait for some seconds and then go to a delay queue, which counts no attempt: no
/// message is held so long that the broker considers it lost, and none is redelivered in a tight loop.
final class SendingPause: Sendable {
    private enum State: Equatable {
        case sending, paused
        /// - Parameter mayProbe: one email may be tried.
        case refused(mayProbe: Bool)
    }

    /// Paused until the state is known.
    private let state: Mutex<State>
    private static let look = Duration.milliseconds(200)
    private let timeout: Duration
    /// Interval between probes while the mail server rejects us.
    static let probeInterval = Duration.seconds(15) * FailPoint.haste

    init(isPaused: Bool = true, timeout: Duration = .seconds(20)) {
        state = Mutex(isPaused ? .paused : .sending)
        self.timeout = timeout
    }

    var isPaused: Bool { state.withLock { $0 != .sending } }
    /// Whether the mail server rejected us at the last attempt.
    var isProbing: Bool { state.withLock { if case .refused = $0 { true } else { false } } }

    /// Notes that the mail server rejects us.
    func refused() { state.withLock { if $0 == .sending { $0 = .refused(mayProbe: false) } } }

    /// Notes that the mail server accepted an email.
    func accepted() { state.withLock { if case .refused = $0 { $0 = .sending } } }

    /// - Returns: whether that is new.
    func follow(_ orders: DeliveryStore.Orders) -> Bool {
        state.withLock { state in
            let before = state
            switch orders {
            case .send: state = .sending
            case .pause: state = .paused
            case .probe: if case .refused = state {} else { state = .refused(mayProbe: false) }
            }
            return state != before
        }
    }

    /// Allows one probe.
    func letOneThrough() {
        state.withLock { if case .refused = $0 { $0 = .refused(mayProbe: true) } }
    }

    /// Waits a while for the end of a pause; false when sending resumes.
    /// - Throws: `CancellationError`, also when the service stops.
    func waitUntilOver() async throws -> Bool {
        let deadline = ContinuousClock.now + timeout
        while !mayGo() {
            if Task.isShuttingDownGracefully { throw CancellationError() }
            if ContinuousClock.now >= deadline { return false }
            try await Task.sleep(for: Self.look)
        }
        return true
    }

    private func mayGo() -> Bool {
        state.withLock { state in
            if state == .refused(mayProbe: true) {
                state = .refused(mayProbe: false)
                return true
            }
            return state == .sending
        }
    }
}

/// A periodic service that follows the administrators' switch, and what other processes have found out about the mail server.
struct SendingSwitch {
    let pause: SendingPause
    let deliveries: DeliveryStore
    let logger: Logger

    var service: PeriodicService {
        PeriodicService("SendingSwitch", every: .seconds(1), atOnce: true) {
            do {
                if pause.follow(try await deliveries.orders()) {
                    logger.info(pause.isPaused ? "sending paused" : "sending resumed")
                }
                let next = Date() + SendingPause.probeInterval / .seconds(1)
                if pause.isProbing, try await deliveries.takeProbe(now: Date(), next: next) { pause.letOneThrough() }
            } catch {
                // Without the database nothing is sent anyway; the wrapper has said why.
            }
        }
    }
}
