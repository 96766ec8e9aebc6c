import Synchronization

/// The rate limit of emails that this process sends. Individual email goes first: a mailing's email takes a turn only
/// when no other is waiting.
final class SendingRate: Sendable {
    private struct State {
        var next = ContinuousClock.now
        var urgentWaiting = 0
    }

    /// Between two emails; nil for no limit.
    private let interval: Duration?
    private let state = Mutex(State())

    init(mailsPerSecond: Int?) { interval = mailsPerSecond.map { .seconds(1) / $0 } }

    /// Returns when it is the caller's turn.
    /// - Throws: `CancellationError` while it waits.
    func turn(isBulk: Bool) async throws {
        guard let interval else { return }
        if !isBulk { state.withLock { $0.urgentWaiting += 1 } }
        defer { if !isBulk { state.withLock { $0.urgentWaiting -= 1 } } }
        while true {
            let wait = state.withLock { state -> Duration? in
                let now = ContinuousClock.now
                if now < state.next { return state.next - now }
                if isBulk, state.urgentWaiting > 0 { return interval }
                // Unused turns are not saved up: no burst after an idle period.
                state.next = max(now, state.next + interval)
                if state.next < now + interval { state.next = now + interval }
                return nil
            }
            guard let wait else { return }
            try await Task.sleep(for: wait)
        }
    }
}
