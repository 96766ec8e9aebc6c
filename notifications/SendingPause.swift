import Logging
import Persistence
import ServiceLifecycle
import Synchronization

/// Whether an administrator has paused sending.
///
/// While it is paused, what is in hand waits for some seconds and then goes to a delay queue, which counts no attempt: no
/// message is held so long that the broker takes it for forgotten, and nothing turns in circles.
final class SendingPause: Sendable {
    /// Until it was asked for the first time nothing is sent either.
    private let state: Mutex<Bool>
    private static let look = Duration.milliseconds(200)
    private let patience: Duration

    init(isPaused: Bool = true, patience: Duration = .seconds(20)) {
        state = Mutex(isPaused)
        self.patience = patience
    }

    var isPaused: Bool {
        get { state.withLock { $0 } }
        set { state.withLock { $0 = newValue } }
    }

    /// Waits a while for the end of a pause; false when it goes on.
    /// - Throws: `CancellationError`, also when the service stops.
    func waitUntilOver() async throws -> Bool {
        let deadline = ContinuousClock.now + patience
        while isPaused {
            if Task.isShuttingDownGracefully { throw CancellationError() }
            if ContinuousClock.now >= deadline { return false }
            try await Task.sleep(for: Self.look)
        }
        return true
    }
}

/// Follows the administrators' switch.
struct SendingSwitch: Service, CustomStringConvertible {
    let pause: SendingPause
    let deliveries: DeliveryStore
    let logger: Logger

    var description: String { "SendingSwitch" }
    private static let interval = Duration.seconds(1)

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while true {
                do {
                    let isPaused = try await deliveries.pausedSince() != nil
                    if isPaused != pause.isPaused {
                        logger.info(isPaused ? "sending paused" : "sending goes on")
                        pause.isPaused = isPaused
                    }
                } catch {
                    // Without the database nothing is sent anyway; the wrapper has said why.
                    if Task.isCancelled { return }
                }
                do { try await Task.sleep(for: Self.interval) } catch { return }
            }
        }
    }
}
