import Synchronization

/// One message waiting for its place in the window of unconfirmed ones.
struct PendingPublish: Sendable {
    let message: Message
    let encodedHeaders: [UInt8]
    let batch: PublishBatch
    let index: Int
}

/// A question for the owner thread, with its answer's way back.
struct BrokerCommand: Sendable {
    let deadline: ContinuousClock.Instant
    /// Called exactly once, on the owner thread.
    let run: @Sendable (Result<Connection, BrokerError>) -> BrokerError?
}

/// What callers hand to the publisher's thread, bounded in messages, and what the thread tells them about itself.
final class PublishQueue: Sendable {
    struct State {
        var waiting = FIFO<PendingPublish>()
        var commands: [BrokerCommand] = []
        /// What is declared on each connect, beside the publisher's own topology.
        var declaredOnConnect: [Topology] = []
        var publisherState = PublisherState.connecting(nil)
        /// How many messages are on their way, as the thread last reported.
        var unconfirmed = 0
        var closing = false
        /// Nobody is left to wait for anything.
        var abandoned = false
    }

    let wakeup = Wakeup()
    let maximumWaiting: Int
    private let state = Mutex(State())

    init(maximumWaiting: Int) { self.maximumWaiting = maximumWaiting }

    func withState<R>(_ body: (inout sending State) -> sending R) -> R { state.withLock(body) }

    func enqueue(_ pending: [PendingPublish]) throws(BrokerError) {
        try change { state throws(BrokerError) in
            guard state.waiting.count + pending.count <= maximumWaiting else { throw BrokerError(.overloaded) }
            for one in pending { state.waiting.append(one) }
        }
    }

    func enqueue(_ command: BrokerCommand) throws(BrokerError) {
        try change { state throws(BrokerError) in
            guard state.commands.count < maximumWaiting else { throw BrokerError(.overloaded) }
            state.commands.append(command)
        }
    }

    private func change(_ body: (inout State) throws(BrokerError) -> Void) throws(BrokerError) {
        let result: Result<Void, BrokerError> = state.withLock { state in
            if state.closing { return .failure(BrokerError(.closed)) }
            do throws(BrokerError) { return .success(try body(&state)) } catch { return .failure(error) }
        }
        try result.get()
        wakeup.signal()
    }

    /// Takes settled (cancelled) messages out of the queue, so that they don't use up its bound.
    func forget(_ batch: PublishBatch) {
        state.withLock { state in state.waiting.removeAll { $0.batch === batch } }
    }

    func close() {
        state.withLock { $0.closing = true }
        wakeup.signal()
    }

    func abandon() {
        state.withLock { state in
            state.closing = true
            state.abandoned = true
        }
        wakeup.signal()
    }
}

/// A first-in, first-out queue with amortized constant-time ends.
struct FIFO<Element> {
    private var storage: [Element?] = []
    private var head = 0

    var count: Int { storage.count - head }
    var isEmpty: Bool { count == 0 }
    var first: Element? { head < storage.count ? storage[head] : nil }

    mutating func append(_ element: Element) { storage.append(element) }

    mutating func popFirst() -> Element? {
        guard head < storage.count else { return nil }
        let element = storage[head]
        storage[head] = nil
        head += 1
        if head == storage.count {
            storage.removeAll(keepingCapacity: true)
            head = 0
        } else if head > 1024, head * 2 > storage.count {
            storage.removeFirst(head)
            head = 0
        }
        return element
    }

    mutating func removeAll(where matches: (Element) -> Bool) {
        storage = storage[head...].filter { $0.map { !matches($0) } ?? false }
        head = 0
    }
}
