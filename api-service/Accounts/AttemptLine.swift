import Synchronization

/// A queue per account that admits one attempt at a time, in order: a hundred simultaneous guesses are counted one
/// after the other, while attempts on other accounts continue. Passwords are hashed one after the other anyway, so no
/// one waits longer.
final class AttemptLine: Sendable {
    /// The maximum number is waiting already.
    struct Crowded: Error {}

    private struct Waiter {
        let id: UInt64
        /// Resumed with whether it is their turn; false if they gave up.
        let continuation: CheckedContinuation<Bool, Never>
    }

    private struct State {
        /// The waiters behind the current attempt; no entry means that there is none.
        var lines: [String: [Waiter]] = [:]
        var waiting = 0
        var lastID: UInt64 = 0
    }

    private enum Arrival {
        case inside, waiting, crowded, cancelled
    }

    private let perKey: Int
    private let total: Int
    private let state = Mutex(State())

    init(perKey: Int = 64, total: Int = 1024) {
        self.perKey = perKey
        self.total = total
    }

    /// - Throws: ``Crowded``, `CancellationError` if the caller gave up before its turn, and what `body` throws.
    func pass<Value>(_ key: String, _ body: () async throws -> Value) async throws -> Value {
        try await enter(key)
        defer { leave(key) }
        return try await body()
    }

    private func enter(_ key: String) async throws {
        let id = state.withLock { state in
            state.lastID += 1
            return state.lastID
        }
        let crowded = Mutex(false)
        let isTurn = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                switch arrive(key, Waiter(id: id, continuation: continuation)) {
                case .waiting: break
                case .inside: continuation.resume(returning: true)
                case .cancelled: continuation.resume(returning: false)
                case .crowded:
                    crowded.withLock { $0 = true }
                    continuation.resume(returning: false)
                }
            }
        } onCancel: {
            giveUp(key, id)
        }
        if crowded.withLock({ $0 }) { throw Crowded() }
        if !isTurn { throw CancellationError() }
    }

    private func arrive(_ key: String, _ waiter: Waiter) -> Arrival {
        state.withLock { state in
            // A cancellation before this line is seen here; one after it finds the waiter in the queue.
            if Task.isCancelled { return .cancelled }
            guard let line = state.lines[key] else {
                state.lines[key] = []
                return .inside
            }
            guard line.count < perKey, state.waiting < total else { return .crowded }
            state.lines[key]?.append(waiter)
            state.waiting += 1
            return .waiting
        }
    }

    private func giveUp(_ key: String, _ id: UInt64) {
        let waiter = state.withLock { state -> Waiter? in
            guard let index = state.lines[key]?.firstIndex(where: { $0.id == id }) else { return nil }
            state.waiting -= 1
            return state.lines[key]?.remove(at: index)
        }
        waiter?.continuation.resume(returning: false)
    }

    private func leave(_ key: String) {
        let next = state.withLock { state -> Waiter? in
            guard state.lines[key]?.isEmpty == false else {
                state.lines[key] = nil
                return nil
            }
            state.waiting -= 1
            return state.lines[key]?.removeFirst()
        }
        next?.continuation.resume(returning: true)
    }
}
