import Synchronization

/// What a listener hears.
public enum ListenEvent: Sendable, Equatable {
    /// LISTEN is in force, for the first time or again: what was notified before may have been missed.
    case connected
    case notification(channel: String, payload: String)
    case disconnected
}

/// The notifications on some channels, as an `AsyncSequence`; each iteration has a connection of its own.
public struct NotificationSequence: AsyncSequence, Sendable {
    public typealias Element = ListenEvent
    public typealias Failure = Never

    let loop: ConnectionLoop
    let channels: [String]

    public func makeAsyncIterator() -> Iterator {
        let buffer = NotificationBuffer()
        loop.listen(to: channels, into: buffer)
        return Iterator(subscription: Subscription(loop: loop, buffer: buffer))
    }

    public struct Iterator: AsyncIteratorProtocol {
        let subscription: Subscription

        /// The next event; nil when the task is cancelled or the database closed.
        public mutating func next() async -> ListenEvent? {
            await subscription.buffer.next()
        }

        public mutating func next(isolation actor: isolated (any Actor)?) async -> ListenEvent? {
            await subscription.buffer.next()
        }
    }

    /// Ends the listening when its iterator is dropped.
    final class Subscription: Sendable {
        let loop: ConnectionLoop
        let buffer: NotificationBuffer

        init(loop: ConnectionLoop, buffer: NotificationBuffer) {
            self.loop = loop
            self.buffer = buffer
        }

        deinit {
            loop.stopListening(buffer)
        }
    }
}

/// Events between the connection thread and one reader: at most `limit`; when more would wait, all are replaced by one
/// `.connected`.
final class NotificationBuffer: Sendable {
    private struct State {
        var events: [ListenEvent] = []
        var reader: CheckedContinuation<ListenEvent?, Never>?
        var isFinished = false
    }

    private static let limit = 1024
    private let state = Mutex(State())

    func append(_ event: ListenEvent) {
        let reader = state.withLock { state -> CheckedContinuation<ListenEvent?, Never>? in
            if let reader = state.reader {
                state.reader = nil
                return reader
            }
            if state.events.count >= Self.limit {
                state.events = [.connected]
            } else {
                state.events.append(event)
            }
            return nil
        }
        reader?.resume(returning: event)
    }

    func finish() {
        let reader = state.withLock { state in
            state.isFinished = true
            defer { state.reader = nil }
            return state.reader
        }
        reader?.resume(returning: nil)
    }

    func next() async -> ListenEvent? {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let ready: ListenEvent?? = state.withLock { state in
                    if !state.events.isEmpty { return state.events.removeFirst() }
                    if state.isFinished || Task.isCancelled { return .some(nil) }
                    precondition(state.reader == nil, "an iterator has one reader")
                    state.reader = continuation
                    return nil
                }
                if let ready { continuation.resume(returning: ready) }
            }
        } onCancel: {
            finish()
        }
    }
}
