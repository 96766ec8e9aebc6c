import Synchronization

/// A lock for handling messages in parallel, or one of them alone, so that a message that kills the process can be
/// identified.
///
/// One per process: workers of other queues share its fate.
final class SoloGate: Sendable {
    static let process = SoloGate()

    private struct State {
        var together = 0
        var isAlone = false
        /// In order of arrival, so that an exclusive request is not overtaken forever.
        var waiting: [(isAlone: Bool, continuation: CheckedContinuation<Void, Never>)] = []
    }

    private let state = Mutex(State())

    func pass<Value>(alone: Bool, _ body: () async -> Value) async -> Value {
        await enter(alone: alone)
        defer { leave(alone: alone) }
        return await body()
    }

    private func enter(alone: Bool) async {
        await withCheckedContinuation { continuation in
            let ready = state.withLock { state in
                state.waiting.append((alone, continuation))
                return Self.admit(&state)
            }
            for continuation in ready { continuation.resume() }
        }
    }

    private func leave(alone: Bool) {
        let ready = state.withLock { state in
            if alone { state.isAlone = false } else { state.together -= 1 }
            return Self.admit(&state)
        }
        for continuation in ready { continuation.resume() }
    }

    /// Admits as many from the front of the queue as can enter now.
    private static func admit(_ state: inout State) -> [CheckedContinuation<Void, Never>] {
        var ready: [CheckedContinuation<Void, Never>] = []
        while let next = state.waiting.first, !state.isAlone, !next.isAlone || state.together == 0 {
            if next.isAlone { state.isAlone = true } else { state.together += 1 }
            ready.append(next.continuation)
            state.waiting.removeFirst()
        }
        return ready
    }
}
