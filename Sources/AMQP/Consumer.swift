public import Logging

/// Consumes one queue on a connection of its own, served by a thread of its own.
///
/// At most `prefetch` deliveries are unsettled at once. When the connection breaks, it is made anew for ever, with
/// jittered backoff and the topology declared again; deliveries not read by then are dropped here and come again, those
/// in hand can't be settled any more and come again too (`redelivered`).
public final class Consumer: Sendable {
    /// What the broker delivers.
    public let deliveries: Deliveries
    private let queue: DeliveryQueue
    private let thread: OwnerThread

    /// Connects in the background; never fails because the broker is away.
    /// - Parameter name: shown in the broker's list of connections, and the consumer's tag.
    public init(
        _ address: BrokerAddress, name: String, queue: String, prefetch: Int, topology: Topology? = nil, logger: Logger
    ) {
        // 0 would mean "no limit" to the broker.
        precondition((1...Int(UInt16.max)).contains(prefetch))
        let deliveryQueue = DeliveryQueue()
        self.queue = deliveryQueue
        deliveries = Deliveries(queue: deliveryQueue)
        thread = OwnerThread(name: "amqp-consume") {
            ConsumerLoop(
                address: address, name: name, source: queue, prefetch: prefetch, topology: topology,
                queue: deliveryQueue, logger: logger
            ).run()
        }
    }

    deinit { queue.require(.abandon) }

    /// Whether the broker delivers to this consumer, as far as is known.
    public var isConsuming: Bool { queue.isConsuming }

    /// Takes no more deliveries and hands back those that nobody has read; those in hand can still be settled.
    public func stopTaking() async {
        queue.require(.stopTaking)
        await queue.stopped()
    }

    /// Stops taking and ends the connection: the broker gives every unsettled delivery to the next consumer.
    public func close() async {
        queue.require(.close)
        await thread.finished()
    }
}
