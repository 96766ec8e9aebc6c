public import Logging

/// What a publisher's connection is doing.
public enum PublisherState: Sendable, Equatable {
    /// Not connected (any longer); the reason of the last failure, if there was one.
    case connecting(BrokerError?)
    case connected
    /// The broker is short of memory or disk and takes no messages for now.
    case blocked
    case closed
}

/// How busy a publisher is, in messages.
public struct PublisherLoad: Sendable, Equatable {
    public let unconfirmed: Int
    public let waiting: Int
}

/// Publishes with confirms on a connection of its own, served by a thread of its own.
///
/// At most `maximumUnconfirmed` messages are on their way at once; up to `maximumWaiting` more wait for their turn, and
/// beyond that `publish` throws `.overloaded` at once. A message that is not confirmed within `publishTimeout` fails:
/// with `.unreachable` or `.refused` when it was never sent, else with `.timedOut` and an unknown outcome.
/// The connection is made anew for ever, with jittered backoff, and the topology declared on each connect.
///
/// A closed channel (publishing to an exchange that doesn't exist) is the end of the connection: everything in flight
/// fails with an unknown outcome, what waits goes out on the next connection. A batch that was partly in flight fails
/// whole, the unsent rest as never sent: a batch's messages never overtake one another.
public final class Publisher: Sendable {
    private let queue: PublishQueue
    private let thread: OwnerThread
    private let publishTimeout: Duration

    /// Connects in the background; never fails because the broker is away.
    /// - Parameters:
    ///   - name: shown in the broker's list of connections.
    ///   - publishTimeout: while a connection is being made (at most twice the address's timeout), a deadline may be
    ///     noticed that much later.
    public init(
        _ address: BrokerAddress, name: String, maximumUnconfirmed: Int = 1024, maximumWaiting: Int = 16_384,
        publishTimeout: Duration = .seconds(10), topology: Topology? = nil, logger: Logger
    ) {
        precondition(maximumUnconfirmed > 0 && maximumWaiting > 0)
        self.publishTimeout = publishTimeout
        let queue = PublishQueue(maximumWaiting: maximumWaiting)
        self.queue = queue
        thread = OwnerThread(name: "amqp-publish") {
            PublisherLoop(
                address: address, name: name, window: maximumUnconfirmed, topology: topology, queue: queue,
                logger: logger
            ).run()
        }
    }

    deinit { queue.abandon() }

    public var state: PublisherState { queue.withState { $0.publisherState } }

    /// How many messages are on their way unconfirmed, and how many wait for their turn.
    public var load: PublisherLoad {
        queue.withState { PublisherLoad(unconfirmed: $0.unconfirmed, waiting: $0.waiting.count) }
    }

    /// Returns once the broker has taken responsibility for the message.
    ///
    /// Cancelling the task takes a waiting message back; one already on its way fails with an unknown outcome.
    public func publish(_ message: Message) async throws(BrokerError) {
        try await publish([message])[0].get()
    }

    /// Puts all messages in flight together, in order, and returns the outcome of each. When the connection is lost with
    /// some of them in flight, none of the others is sent any more.
    public func publish(_ messages: [Message]) async -> [Result<Void, BrokerError>] {
        guard !messages.isEmpty else { return [] }
        let batch = PublishBatch(count: messages.count, deadline: .now + publishTimeout)
        var pending: [PendingPublish] = []
        for (index, message) in messages.enumerated() {
            if let one = PendingPublish(message, batch: batch, index: index) {
                pending.append(one)
            } else {
                batch.settle(index, .failure(BrokerError(.invalidMessage)))
            }
        }
        do throws(BrokerError) {
            if !pending.isEmpty { try queue.enqueue(pending) }
        } catch {
            return messages.map { _ in .failure(error) }
        }
        return await withTaskCancellationHandler {
            await batch.outcomes()
        } onCancel: {
            batch.abandon(.cancelled)
            queue.forget(batch)
        }
    }

    /// Declares more than the publisher's own topology, once (not again after a reconnect).
    public func declare(_ topology: Topology) async throws(BrokerError) {
        try await ask { connection throws(BrokerError) in try connection.declare(topology, on: .aside) }
    }

    /// Has these declared on each connect from the next one on, after the publisher's own topology; instead of what was
    /// given here before. Each stands alone: one that the broker refuses is left out.
    public func declareOnConnect(_ topologies: [Topology]) {
        queue.withState { $0.declaredOnConnect = topologies }
    }

    /// Takes bindings of queues away. One that isn't there is no error; a queue that isn't there is no error either.
    public func unbind(_ bindings: [Binding]) async throws(BrokerError) {
        try await ask { connection throws(BrokerError) in try connection.unbind(bindings) }
    }

    /// - Throws: `.channelClosed(code: 404, …)` for a queue that doesn't exist.
    public func queueStatus(_ queue: String) async throws(BrokerError) -> QueueStatus {
        try await ask { connection throws(BrokerError) in try connection.inspect(queue: queue) }
    }

    public func delete(queue: String) async throws(BrokerError) {
        try await ask { connection throws(BrokerError) in try connection.delete(queue: queue) }
    }

    public func delete(exchange: String) async throws(BrokerError) {
        try await ask { connection throws(BrokerError) in try connection.delete(exchange: exchange) }
    }

    /// Drops the messages that are ready in a queue and returns how many there were.
    @discardableResult
    public func purge(queue: String) async throws(BrokerError) -> Int {
        try await ask { connection throws(BrokerError) in try connection.purge(queue: queue) }
    }

    /// Takes no more messages, waits for those under way (each until its own deadline) and ends the connection.
    public func close() async {
        queue.close()
        await thread.finished()
    }

    /// Has the owner thread run `body` on the aside channel, by the publish timeout.
    private func ask<R: Sendable>(
        _ body: @escaping @Sendable (Connection) throws(BrokerError) -> R
    ) async throws(BrokerError) -> R {
        let deadline = ContinuousClock.now + publishTimeout
        let answer: Result<R, BrokerError> = await withCheckedContinuation { continuation in
            let command = BrokerCommand(deadline: deadline) { connection in
                let answer = connection.flatMap { connection in
                    do throws(BrokerError) { return .success(try connection.aside(body)) } catch {
                        return .failure(error)
                    }
                }
                continuation.resume(returning: answer)
                if case .failure(let error) = answer { return error }
                return nil
            }
            do throws(BrokerError) { try queue.enqueue(command) } catch {
                continuation.resume(returning: .failure(error))
            }
        }
        return try answer.get()
    }
}

extension PendingPublish {
    /// Nil for a message that AMQP can't carry.
    init?(_ message: Message, batch: PublishBatch, index: Int) {
        guard message.hasShortNames else { return nil }
        let headers = FieldTable.encode(message.properties.headers)
        // Well below the negotiated frame size of 128 KiB, in which they must fit.
        guard headers.count <= 65_536 else { return nil }
        self.init(message: message, encodedHeaders: headers, batch: batch, index: index)
    }
}
