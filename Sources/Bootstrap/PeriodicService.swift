public import ServiceLifecycle

/// A service that repeats a round of work until it is shut down.
///
///     PeriodicService("AuditSealing", every: .seconds(2), jitter: 0.25) { await sealing.round() }
///
/// A round logs its own failures; the next round retries. If only one instance at a time may do the work, the round takes
/// an advisory lock in its own transaction.
public struct PeriodicService: Service, CustomStringConvertible {
    /// How shutdown treats a round in progress.
    public enum Ending: Sendable {
        /// Its task is canceled.
        case cancelled
        /// It is awaited. A long round checks ``PeriodicService/pause(_:on:)`` for shutdown.
        case finished
    }

    /// The service's name.
    public let description: String
    private let loop: @Sendable () async -> Void

    /// - Parameters:
    ///   - jitter: the largest random change of each pause, as a fraction of the interval, so that instances don't run in
    ///     step.
    ///   - atOnce: whether the first round comes before the first pause.
    ///   - progress: state that each round passes to the next.
    public init<Progress: Sendable>(
        _ name: String, every interval: Duration, jitter: Double = 0, atOnce: Bool = false,
        atShutdown ending: Ending = .cancelled, clock: any Clock<Duration> = ContinuousClock(), from progress: Progress,
        round: @escaping @Sendable (inout Progress) async -> Void
    ) {
        description = name
        let rounds: @Sendable () async -> Void = {
            var progress = progress
            if atOnce { await round(&progress) }
            while await Self.pause(interval * Double.random(in: 1 - jitter...1 + jitter), on: clock) {
                await round(&progress)
            }
        }
        loop =
            switch ending {
            case .cancelled: { await cancelWhenGracefulShutdown(rounds) }
            case .finished: rounds
            }
    }

    /// The same, for rounds without state.
    public init(
        _ name: String, every interval: Duration, jitter: Double = 0, atOnce: Bool = false,
        atShutdown ending: Ending = .cancelled, clock: any Clock<Duration> = ContinuousClock(),
        round: @escaping @Sendable () async -> Void
    ) {
        self.init(
            name, every: interval, jitter: jitter, atOnce: atOnce, atShutdown: ending, clock: clock, from: ()
        ) { _ in await round() }
    }

    public func run() async throws { await loop() }

    /// Waits; returns false, at once, when the service is being shut down.
    public static func pause(_ duration: Duration, on clock: any Clock<Duration> = ContinuousClock()) async -> Bool {
        await cancelWhenGracefulShutdown {
            do { try await clock.sleep(for: duration) } catch { return false }
            return true
        }
    }
}
