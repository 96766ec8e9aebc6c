import Synchronization

/// Messages published together, and what became of each. Shared by the caller that waits and the thread that settles.
final class PublishBatch: Sendable {
    typealias Outcome = Result<Void, BrokerError>

    private struct State {
        var outcomes: [Outcome?]
        var unsettled: Int
        /// Messages are sent in order: those below this index are on their way.
        var sent = 0
        var continuation: CheckedContinuation<[Outcome], Never>?
    }

    let deadline: ContinuousClock.Instant
    private let state: Mutex<State>

    init(count: Int, deadline: ContinuousClock.Instant) {
        self.deadline = deadline
        state = Mutex(State(outcomes: Array(repeating: nil, count: count), unsettled: count))
    }

    /// Whether every message has its outcome: nobody waits for this batch any longer.
    var isSettled: Bool { state.withLock { $0.unsettled == 0 } }

    func markSent(_ index: Int) { state.withLock { $0.sent = max($0.sent, index + 1) } }

    /// The first outcome of a message counts; later ones (a confirm after the deadline) say nothing new.
    func settle(_ index: Int, _ outcome: Outcome) {
        update { state in
            guard state.outcomes[index] == nil else { return }
            state.outcomes[index] = outcome
            state.unsettled -= 1
        }
    }

    /// Settles whatever is open: as unknown for the messages that are on their way.
    func abandon(_ kind: BrokerError.Kind) {
        update { state in
            for index in state.outcomes.indices where state.outcomes[index] == nil {
                state.outcomes[index] = .failure(BrokerError(kind, outcomeUnknown: index < state.sent))
            }
            state.unsettled = 0
        }
    }

    /// Waits until every message is settled. Called once.
    func outcomes() async -> [Outcome] {
        await withCheckedContinuation { continuation in
            update { $0.continuation = continuation }
        }
    }

    private func update(_ body: (inout State) -> Void) {
        let finished: (CheckedContinuation<[Outcome], Never>, [Outcome])? = state.withLock { state in
            body(&state)
            guard state.unsettled == 0, let continuation = state.continuation else { return nil }
            state.continuation = nil
            return (continuation, state.outcomes.compactMap(\.self))
        }
        // Outside the lock: resuming runs the scheduler.
        if let (continuation, outcomes) = finished { continuation.resume(returning: outcomes) }
    }
}
