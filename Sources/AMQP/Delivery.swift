/// A message in hand: to be acked or rejected exactly once, by the consumer's connection that brought it.
///
/// When that connection breaks first, settling throws `.connectionLost`, and the broker delivers the message again.
public struct Delivery: Sendable {
    public let message: Message
    /// Whether the broker has delivered it before, to anyone.
    public let redelivered: Bool
    /// The connection, counted from 1, that the tag belongs to.
    let epoch: Int
    let tag: UInt64
    let queue: DeliveryQueue

    /// Takes the message off the queue for good. Returns once the ack is handed to the socket (the broker doesn't answer
    /// acks); not cut short by cancellation.
    /// - Throws: `.connectionLost`, `.alreadySettled`.
    public func ack() async throws(BrokerError) {
        try await queue.settle(.ack, of: self)
    }

    /// Gives the message back (`requeue`) or to the queue's dead-letter exchange.
    /// - Throws: `.connectionLost`, `.alreadySettled`.
    public func reject(requeue: Bool) async throws(BrokerError) {
        try await queue.settle(requeue ? .requeue : .reject, of: self)
    }
}

/// The deliveries of a consumer, in the queue's order. It ends after `stopTaking`, `close`, or the task's cancellation.
/// One iteration at a time sees every delivery; several share them.
public struct Deliveries: AsyncSequence, Sendable {
    public typealias Element = Delivery
    public typealias Failure = Never

    let queue: DeliveryQueue

    public struct AsyncIterator: AsyncIteratorProtocol {
        let queue: DeliveryQueue

        public mutating func next() async -> Delivery? { await queue.next() }

        public mutating func next(isolation actor: isolated (any Actor)?) async throws(Never) -> Delivery? {
            await queue.next()
        }
    }

    /// Takes, without waiting, what the broker has sent already and nobody has read.
    public func waiting(atMost count: Int) -> [Delivery] { queue.takeReady(atMost: count) }

    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(queue: queue) }
}
