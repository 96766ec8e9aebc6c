import Synchronization

/// Between the consumer's thread and its readers. Bounded by the prefetch: the broker sends no more than that unsettled,
/// and what one connection brought is dropped when it breaks.
final class DeliveryQueue: Sendable {
    enum Verdict: Sendable { case ack, reject, requeue }

    struct Settlement: Sendable {
        let verdict: Verdict
        let epoch: Int
        let tag: UInt64
        /// Resumed exactly once, by the owner thread or when it has ended.
        let continuation: CheckedContinuation<Result<Void, BrokerError>, Never>
    }

    enum DesiredState: Comparable { case consume, stopTaking, close, abandon }

    private struct State {
        var ready = FIFO<Delivery>()
        var readers: [(id: Int, continuation: CheckedContinuation<Delivery?, Never>)] = []
        var nextReader = 0
        var settlements: [Settlement] = []
        var desired = DesiredState.consume
        /// Whether the broker has the consumer on its list, as far as is known.
        var isConsuming = false
        /// No delivery will come any more.
        var ended = false
        /// The thread is gone; settlements can't be served.
        var threadEnded = false
        var stopped: [CheckedContinuation<Void, Never>] = []
    }

    let wakeup = Wakeup()
    private let state = Mutex(State())

    // MARK: Readers

    func next() async -> Delivery? {
        let id = state.withLock { state in
            state.nextReader += 1
            return state.nextReader
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let immediate: Delivery?? = state.withLock { state in
                    if Task.isCancelled { return .some(nil) }
                    if let delivery = state.ready.popFirst() { return delivery }
                    if state.ended { return .some(nil) }
                    state.readers.append((id, continuation))
                    return nil
                }
                if let immediate { continuation.resume(returning: immediate) }
            }
        } onCancel: {
            let reader = state.withLock { state in
                state.readers.firstIndex { $0.id == id }.map { state.readers.remove(at: $0).continuation }
            }
            reader?.resume(returning: nil)
        }
    }

    func takeReady(atMost count: Int) -> [Delivery] {
        state.withLock { state in
            var taken: [Delivery] = []
            while taken.count < count, let delivery = state.ready.popFirst() { taken.append(delivery) }
            return taken
        }
    }

    func settle(_ verdict: Verdict, of delivery: Delivery) async throws(BrokerError) {
        let result = await withCheckedContinuation { continuation in
            let accepted = state.withLock { state in
                guard !state.threadEnded else { return false }
                state.settlements.append(
                    Settlement(
                        verdict: verdict, epoch: delivery.epoch, tag: delivery.tag, continuation: continuation))
                return true
            }
            if accepted {
                wakeup.signal()
            } else {
                continuation.resume(returning: .failure(BrokerError(.connectionLost("consumer closed"))))
            }
        }
        try result.get()
    }

    /// It only grows: a close is final.
    func require(_ state: DesiredState) {
        self.state.withLock { $0.desired = max($0.desired, state) }
        wakeup.signal()
    }

    /// Returns once no delivery will come any more.
    func stopped() async {
        await withCheckedContinuation { continuation in
            let over = state.withLock { state in
                if !state.ended { state.stopped.append(continuation) }
                return state.ended
            }
            if over { continuation.resume() }
        }
    }

    var isConsuming: Bool { state.withLock { $0.isConsuming } }

    // MARK: The owner thread

    func report(isConsuming: Bool) { state.withLock { $0.isConsuming = isConsuming } }

    var desired: DesiredState { state.withLock { $0.desired } }

    func deliver(_ delivery: Delivery) {
        let reader: CheckedContinuation<Delivery?, Never>? = state.withLock { state in
            if !state.readers.isEmpty { return state.readers.removeFirst().continuation }
            state.ready.append(delivery)
            return nil
        }
        reader?.resume(returning: delivery)
    }

    func takeSettlements() -> [Settlement] {
        state.withLock { state in
            defer { state.settlements = [] }
            return state.settlements
        }
    }

    /// Takes back what no reader has seen yet.
    func takeUnread() -> [Delivery] {
        state.withLock { state in
            var unread: [Delivery] = []
            while let delivery = state.ready.popFirst() { unread.append(delivery) }
            return unread
        }
    }

    /// No delivery will come any more: readers hear the end.
    func end() {
        let (readers, stopped) = state.withLock { state in
            state.ended = true
            defer {
                state.readers = []
                state.stopped = []
            }
            return (state.readers, state.stopped)
        }
        for reader in readers { reader.continuation.resume(returning: nil) }
        for waiting in stopped { waiting.resume() }
    }

    func threadEnded() {
        let settlements = state.withLock { state in
            state.threadEnded = true
            defer { state.settlements = [] }
            return state.settlements
        }
        for settlement in settlements {
            settlement.continuation.resume(returning: .failure(BrokerError(.connectionLost("consumer closed"))))
        }
    }
}
