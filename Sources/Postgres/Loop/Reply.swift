import Synchronization

/// One caller's wait for one answer, given once: by the connection thread, or by the caller's own cancellation.
final class Reply<Value: Sendable>: Sendable {
    typealias Answer = Result<Value, PostgresError>

    private enum Phase {
        case open
        case waiting(CheckedContinuation<Answer, Never>)
        /// Answered before the caller waited.
        case answered(Answer)
        case finished
    }

    private struct State {
        var phase = Phase.open
        var isShielded = false

        var isAnswered: Bool {
            switch phase {
            case .open, .waiting: false
            case .answered, .finished: true
            }
        }
    }

    private let state = Mutex(State())

    var isAnswered: Bool { state.withLock(\.isAnswered) }

    /// From here on a cancellation of the caller no longer answers.
    ///
    /// - Returns: false when there is an answer already.
    func shield() -> Bool {
        state.withLock { state in
            state.isShielded = true
            return !state.isAnswered
        }
    }

    /// - Returns: false when there was an answer already; this one is then dropped.
    @discardableResult
    func answer(_ answer: Answer, unlessShielded: Bool = false) -> Bool {
        let (isFirst, waiter) = state.withLock { state -> (Bool, CheckedContinuation<Answer, Never>?) in
            if unlessShielded && state.isShielded { return (false, nil) }
            switch state.phase {
            case .open:
                state.phase = .answered(answer)
                return (true, nil)
            case .waiting(let continuation):
                state.phase = .finished
                return (true, continuation)
            case .answered, .finished:
                return (false, nil)
            }
        }
        waiter?.resume(returning: answer)
        return isFirst
    }

    /// Waits for the answer. Unless shielded, a cancelled task gets `cancellation` at once, after `onCancel` has run.
    func value(
        cancellation: PostgresError = PostgresError(.cancelled), onCancel: @Sendable () -> Void = {}
    ) async throws(PostgresError) -> Value {
        let answer = await withTaskCancellationHandler {
            await wait()
        } onCancel: {
            if state.withLock({ $0.isAnswered || $0.isShielded }) { return }
            onCancel()
            self.answer(.failure(cancellation), unlessShielded: true)
        }
        return try answer.get()
    }

    /// Waits for the answer even if the task is cancelled: only for what ends by itself, within the query timeout.
    func uncancellableValue() async throws(PostgresError) -> Value {
        try await wait().get()
    }

    private func wait() async -> Answer {
        await withCheckedContinuation { continuation in
            let early: Answer? = state.withLock { state in
                guard case .answered(let answer) = state.phase else {
                    state.phase = .waiting(continuation)
                    return nil
                }
                state.phase = .finished
                return answer
            }
            if let early { continuation.resume(returning: early) }
        }
    }
}
