public import Logging

/// What a ``RedisSubscriber`` tells its reader.
public enum SubscriberEvent: Sendable, Equatable {
    /// Every wanted channel is subscribed (again). What was published while away is lost: read the truth now.
    case connected
    /// From here until `connected`, published messages are lost.
    case disconnected
    case message(channel: String, payload: [UInt8])
}

/// Redis pub/sub on a connection of its own, whose channels come and go at any time.
///
/// A thread of its own drives the connection, asks PING when it is silent, reconnects for ever with a jittered backoff
/// and resubscribes.
///
/// The events wait for their one reader in a bounded buffer. When it is full, because the reader is too slow, all that
/// waits is thrown away and `disconnected`, `connected` take its place: to the reader it looks like a short
/// interruption, after which it reads the truth, and nothing is ever lost in silence.
public final class RedisSubscriber: Sendable {
    private let shared: SubscriptionState

    /// Starts connecting; never fails because the server is away.
    public init(_ address: RedisAddress, settings: RedisSettings = RedisSettings(), logger: Logger) {
        let shared = SubscriptionState(settings)
        self.shared = shared
        startThread(named: "redis-subscriber") {
            var thread = SubscriberThread(address, settings: settings, state: shared, logger: logger)
            thread.run()
        }
    }

    deinit { shared.close() }

    /// Whether the connection stands and every wanted channel is subscribed, as far as is known.
    public var isConnected: Bool { shared.isOnline }

    /// The events, for one reader at a time. Ends after ``close()``, or when the reading task is cancelled.
    public var events: Events { Events(buffer: shared.events) }

    /// Wants a channel; returns when Redis has confirmed it, so that everything published from now on arrives.
    ///
    /// When it throws because Redis is away (or the task is cancelled), the channel stays wanted and is subscribed
    /// before the next `connected`. Give it up with ``unsubscribe(_:)``.
    public func subscribe(_ channel: String) async throws(RedisError) {
        let confirmation = Confirmation()
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                confirmation.start(continuation)
                if let refusal = shared.want(channel, confirmation) { confirmation.finish(.failure(refusal)) }
            }
        } onCancel: {
            confirmation.finish(.failure(RedisError(.cancelled)))
        }
        try result.get()
    }

    /// No longer wants a channel. Does not wait: a few more messages of it may arrive.
    public func unsubscribe(_ channel: String) {
        shared.unwant(channel)
    }

    /// Ends the connection and the events. Returns when the thread has let go, at the latest after the connect timeout.
    public func close() async {
        shared.close()
        await shared.ended.wait()
    }

    /// See ``RedisSubscriber/events``.
    public struct Events: AsyncSequence, Sendable {
        public typealias Element = SubscriberEvent
        public typealias Failure = Never
        let buffer: EventBuffer

        public func makeAsyncIterator() -> Iterator { Iterator(buffer: buffer) }

        public struct Iterator: AsyncIteratorProtocol {
            let buffer: EventBuffer

            public mutating func next() async -> SubscriberEvent? { await buffer.next() }

            public mutating func next(isolation actor: isolated (any Actor)?) async -> SubscriberEvent? {
                await buffer.next()
            }
        }
    }
}

/// The wait of one `subscribe` call.
typealias Confirmation = OneShot<Result<Void, RedisError>>
