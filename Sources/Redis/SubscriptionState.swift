import Synchronization

/// What callers and the subscriber's thread share.
final class SubscriptionState: Sendable {
    /// Something to tell Redis, in the order of the calls.
    enum Operation {
        case subscribe(String, Confirmation, deadline: ContinuousClock.Instant)
        case unsubscribe(String)
    }

    enum Mode { case connecting, online, offline, closed }

    private struct State {
        var mode = Mode.connecting
        var wanted: Set<String> = []
        var operations: [Operation] = []
    }

    let wake = WakeUp()
    let ended = EndSignal()
    let events: EventBuffer
    private let state = Mutex(State())
    private let maximumChannels: Int
    private let commandTimeout: Duration

    init(_ settings: RedisSettings) {
        events = EventBuffer(maximumCount: settings.maximumBufferedEvents, maximumBytes: settings.maximumBufferedBytes)
        maximumChannels = settings.maximumChannels
        commandTimeout = settings.commandTimeout
    }

    var isOnline: Bool { state.withLock { $0.mode == .online } }
    var isClosed: Bool { state.withLock { $0.mode == .closed } }

    /// Returns why the caller need not wait for a confirmation, or nil when one will come.
    func want(_ channel: String, _ confirmation: Confirmation) -> RedisError? {
        let refusal: RedisError? = state.withLock { state in
            guard state.mode != .closed else { return RedisError(.closed) }
            // The operations are bounded too: callers that toggle one channel must not outrun the connection.
            guard state.wanted.count < maximumChannels, state.operations.count < 2 * maximumChannels else {
                return RedisError(.overloaded)
            }
            state.wanted.insert(channel)
            guard state.mode != .offline else { return RedisError(.unreachable("the last attempt to connect failed")) }
            state.operations.append(.subscribe(channel, confirmation, deadline: .now + commandTimeout))
            return nil
        }
        wake.signal()
        return refusal
    }

    func unwant(_ channel: String) {
        state.withLock { state in
            guard state.wanted.remove(channel) != nil, state.mode == .online || state.mode == .connecting else {
                return
            }
            state.operations.append(.unsubscribe(channel))
        }
        wake.signal()
    }

    func takeOperations() -> [Operation] {
        state.withLock { state in
            defer { state.operations = [] }
            return state.operations
        }
    }

    /// For a new connection: everything to subscribe, and the waits that it will satisfy. From this moment on calls
    /// leave operations again, which the new connection will carry out: none falls between.
    func takeAll() -> (channels: Set<String>, operations: [Operation]) {
        state.withLock { state in
            if state.mode != .closed { state.mode = .connecting }
            defer { state.operations = [] }
            return (state.wanted, state.operations)
        }
    }

    /// `closed` is final. Returns the operations that go with an outage, for their waits to be ended.
    func enter(_ mode: Mode) -> [Operation] {
        state.withLock { state in
            if state.mode != .closed { state.mode = mode }
            guard state.mode == .offline || state.mode == .closed else { return [] }
            defer { state.operations = [] }
            return state.operations
        }
    }

    func close() {
        for case .subscribe(_, let confirmation, _) in enter(.closed) {
            confirmation.finish(.failure(RedisError(.closed)))
        }
        events.finish()
        wake.signal()
    }
}

/// The bounded buffer between the subscriber's thread and the one reader of its events.
final class EventBuffer: Sendable {
    private struct State {
        var events = FIFO<SubscriberEvent>()
        var bytes = 0
        var isConnected = false
        var isFinished = false
        var reader: CheckedContinuation<SubscriberEvent?, Never>?
    }

    private let state = Mutex(State())
    private let maximumCount: Int
    private let maximumBytes: Int

    init(maximumCount: Int, maximumBytes: Int) {
        self.maximumCount = maximumCount
        self.maximumBytes = maximumBytes
    }

    func append(_ event: SubscriberEvent) {
        let reader: CheckedContinuation<SubscriberEvent?, Never>? = state.withLock { state in
            guard !state.isFinished else { return nil }
            if case .connected = event { state.isConnected = true }
            if case .disconnected = event { state.isConnected = false }
            if let reader = state.reader {
                state.reader = nil
                return reader
            }
            if state.events.count >= maximumCount || state.bytes + Self.size(event) > maximumBytes {
                // The reader is too slow: its backlog is replaced by an interruption. See RedisSubscriber.
                _ = state.events.takeAll()
                state.bytes = 0
                state.events.append(.disconnected)
                if state.isConnected { state.events.append(.connected) }
                return nil
            }
            state.events.append(event)
            state.bytes += Self.size(event)
            return nil
        }
        reader?.resume(returning: event)
    }

    func next() async -> SubscriberEvent? {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let ready: SubscriberEvent?? = state.withLock { state in
                    if let event = state.events.popFirst() {
                        state.bytes -= Self.size(event)
                        return event
                    }
                    if state.isFinished || Task.isCancelled { return .some(nil) }
                    precondition(state.reader == nil, "the events have one reader")
                    state.reader = continuation
                    return nil
                }
                if let ready { continuation.resume(returning: ready) }
            }
        } onCancel: {
            let reader = state.withLock { state in
                defer { state.reader = nil }
                return state.reader
            }
            reader?.resume(returning: nil)
        }
    }

    func finish() {
        let reader = state.withLock { state in
            state.isFinished = true
            defer { state.reader = nil }
            return state.reader
        }
        reader?.resume(returning: nil)
    }

    private static func size(_ event: SubscriberEvent) -> Int {
        if case .message(let channel, let payload) = event { channel.utf8.count + payload.count + 64 } else { 64 }
    }
}
