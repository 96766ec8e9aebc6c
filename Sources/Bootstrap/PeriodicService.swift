public import ServiceLifecycle

/// A round of work that is done again and again, until the service stops.
///
///     PeriodicService("AuditSealing", every: .seconds(2), jitter: 0.25) { await sealing.round() }
///
/// What fails in a round is logged by the round, and done in the next. Where one instance at a time may do the work, the
/// round takes the lock for that in its own transaction.
public struct PeriodicService: Service, CustomStringConvertible {
    /// What becomes of a round that is under way when the service stops.
    public enum Ending: Sendable {
        /// It is cancelled.
        case cancelled
        /// It is waited for. A long one asks ``PeriodicService/pause(_:)`` whether it may go on.
        case finished
    }

    /// The service's name.
    public let description: String
    private let loop: @Sendable () async -> Void

    /// - Parameters:
    ///   - jitter: each pause is longer or shorter by up to this part of the interval, so that instances don't march in
    ///     step.
    ///   - atOnce: whether the first round comes before the first pause.
    ///   - progress: what rounds hand on to the next.
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

    /// The same for rounds that hand nothing on.
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

    /// Waits. False, and at once, when the service is to stop.
    public static func pause(_ duration: Duration, on clock: any Clock<Duration> = ContinuousClock()) async -> Bool {
        await cancelWhenGracefulShutdown {
            do { try await clock.sleep(for: duration) } catch { return false }
            return true
        }
    }
}
