import Logging

/// What the consumer's thread does, from the first connect to the close. Confined to that thread.
final class ConsumerLoop {
    private let address: BrokerAddress
    private let name: String
    private let source: String
    private let prefetch: Int
    private let topology: Topology?
    private let queue: DeliveryQueue
    private let logger: Logger
    private var backoff = Backoff()
    private var epoch = 0
    /// The tags of this connection that are not settled yet: acking one twice would close the channel.
    private var open: Set<UInt64> = []
    private var failing = false

    init(
        address: BrokerAddress, name: String, source: String, prefetch: Int, topology: Topology?,
        queue: DeliveryQueue, logger: Logger
    ) {
        self.address = address
        self.name = name
        self.source = source
        self.prefetch = prefetch
        self.topology = topology
        self.queue = queue
        self.logger = logger
    }

    func run() {
        // A consumer that only stopped taking doesn't connect again: whatever it had in hand is lost to it.
        while queue.desired == .consume {
            do throws(BrokerError) {
                let connection = try connect()
                let connected = ContinuousClock.now
                try serve(connection, since: connected)
                connection.close()
            } catch {
                failed(error)
            }
        }
        queue.report(isConsuming: false)
        queue.end()
        while queue.desired < .close {
            refuseSettlements(BrokerError(.connectionLost("no connection")))
            queue.wakeup.wait(.seconds(60))
        }
        queue.threadEnded()
    }

    private func connect() throws(BrokerError) -> Connection {
        let connection = try Connection(address, name: name)
        if let topology { try connection.declare(topology) }
        epoch += 1
        open = []
        try connection.consume(source, tag: name, prefetch: prefetch)
        queue.report(isConsuming: true)
        if failing { logger.info("broker connection is back", metadata: metadata) }
        failing = false
        return connection
    }

    private func serve(_ connection: Connection, since connected: ContinuousClock.Instant) throws(BrokerError) {
        // Heartbeats are sent and checked only while the connection is being read.
        let longestWait = address.heartbeat / 2
        var taking = true
        while queue.desired < .close {
            if connection.wait(queue.wakeup, forWriting: false, atMost: longestWait).contains(.woken) {
                queue.wakeup.drain()
            }
            try takeEvents(connection, taking: taking)
            try settle(on: connection)
            if taking, queue.desired >= .stopTaking {
                try connection.cancel(tag: name)
                taking = false
                try handBackUnread(on: connection)
                queue.end()
            }
            if connected.duration(to: .now) > .seconds(5) { backoff.reset() }
        }
        if queue.desired == .close {
            try handBackUnread(on: connection)
            try settle(on: connection)
        }
    }

    private func takeEvents(_ connection: Connection, taking: Bool) throws(BrokerError) {
        while let event = connection.next() {
            switch event {
            case .delivery(let tag, let redelivered, let message):
                backoff.reset()
                guard taking else {
                    // On its way when the consumer was cancelled.
                    try connection.reject(tag, requeue: true)
                    continue
                }
                open.insert(tag)
                queue.deliver(
                    Delivery(message: message, redelivered: redelivered, epoch: epoch, tag: tag, queue: queue))
            case .cancelled:
                // The queue was deleted or its leader went away: connect anew, which declares it again.
                throw BrokerError(.connectionLost("the broker cancelled the consumer"), outcomeUnknown: true)
            case .failed(let error): throw error
            case .ack, .nack, .returned, .blocked, .unblocked: break
            }
        }
    }

    private func settle(on connection: Connection) throws(BrokerError) {
        let settlements = queue.takeSettlements()
        for (index, settlement) in settlements.enumerated() {
            guard settlement.epoch == epoch else {
                settlement.continuation.resume(
                    returning: .failure(BrokerError(.connectionLost("the delivery's connection is gone"))))
                continue
            }
            guard open.remove(settlement.tag) != nil else {
                settlement.continuation.resume(returning: .failure(BrokerError(.alreadySettled)))
                continue
            }
            do throws(BrokerError) {
                switch settlement.verdict {
                case .ack: try connection.ack(settlement.tag)
                case .reject: try connection.reject(settlement.tag, requeue: false)
                case .requeue: try connection.reject(settlement.tag, requeue: true)
                }
                settlement.continuation.resume(returning: .success(()))
            } catch {
                for rest in settlements[index...] { rest.continuation.resume(returning: .failure(error)) }
                throw error
            }
        }
    }

    private func handBackUnread(on connection: Connection) throws(BrokerError) {
        for delivery in queue.takeUnread() where delivery.epoch == epoch {
            open.remove(delivery.tag)
            try connection.reject(delivery.tag, requeue: true)
        }
    }

    private func failed(_ error: BrokerError) {
        if failing {
            logger.debug("broker connection failed again", metadata: metadata.merging(["error": "\(error)"]) { $1 })
        } else {
            logger.warning("broker connection failed", metadata: metadata.merging(["error": "\(error)"]) { $1 })
        }
        failing = true
        queue.report(isConsuming: false)
        _ = queue.takeUnread()
        // Whatever is in hand belongs to a connection that is gone.
        epoch += 1
        let retry = ContinuousClock.now + backoff.next()
        while queue.desired == .consume, ContinuousClock.now < retry {
            refuseSettlements(BrokerError(.connectionLost("no connection")))
            queue.wakeup.wait(ContinuousClock.now.duration(to: retry))
        }
        refuseSettlements(BrokerError(.connectionLost("no connection")))
    }

    private func refuseSettlements(_ error: BrokerError) {
        for settlement in queue.takeSettlements() { settlement.continuation.resume(returning: .failure(error)) }
    }

    private var metadata: Logger.Metadata { ["connection": "\(name)", "queue": "\(source)"] }
}
