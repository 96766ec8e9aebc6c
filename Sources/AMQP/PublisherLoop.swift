import Logging
import FailPoints

/// What the publisher's thread does, from the first connect to the close. Confined to that thread.
final class PublisherLoop {
    private let address: BrokerAddress
    private let name: String
    private let window: Int
    private let topology: Topology?
    private let queue: PublishQueue
    private let logger: Logger
    private var backoff = Backoff()
    private var inFlight = ConfirmWindow()
    private var blocked = false
    private var lastFailure: BrokerError?

    init(
        address: BrokerAddress, name: String, window: Int, topology: Topology?, queue: PublishQueue, logger: Logger
    ) {
        self.address = address
        self.name = name
        self.window = window
        self.topology = topology
        self.queue = queue
        self.logger = logger
    }

    func run() {
        while !isDone {
            do throws(BrokerError) {
                let connection = try connect()
                let connected = ContinuousClock.now
                try serve(connection, since: connected)
                connection.close()
            } catch {
                failed(error)
            }
        }
        finish()
    }

    /// Closing, and nobody waits for anything.
    private var isDone: Bool {
        let nothingInFlight = inFlight.firstUnsettled == nil
        return queue.withState { state in
            state.abandoned || (state.closing && state.waiting.isEmpty && state.commands.isEmpty && nothingInFlight)
        }
    }

    private func connect() throws(BrokerError) -> Connection {
        let connection = try Connection(address, name: name)
        if let topology { try connection.declare(topology) }
        for more in queue.withState({ $0.declaredOnConnect }) { try declare(more, on: connection) }
        try connection.selectConfirms()
        inFlight = ConfirmWindow()
        blocked = false
        if lastFailure != nil { logger.info("broker connection is back", metadata: ["connection": "\(name)"]) }
        lastFailure = nil
        report(.connected)
        return connection
    }

    /// What others asked for must not keep the connection from being made.
    private func declare(_ topology: Topology, on connection: Connection) throws(BrokerError) {
        do throws(BrokerError) {
            try connection.aside { connection throws(BrokerError) in try connection.declare(topology, on: .aside) }
        } catch {
            guard case .channelClosed = error.kind else { throw error }
            let queue = topology.queues.first?.name ?? "-"
            logger.error("queue not declared", metadata: ["queue": "\(queue)", "error": "\(error)"])
        }
    }

    private func serve(_ connection: Connection, since connected: ContinuousClock.Instant) throws(BrokerError) {
        // Heartbeats are sent and checked only while the connection is being read.
        let longestWait = address.heartbeat / 2
        while !isDone {
            expire()
            let sendable = !blocked && inFlight.count < window && queue.withState { !$0.waiting.isEmpty }
            let wait = nextDeadline.map { min(longestWait, ContinuousClock.now.duration(to: $0)) } ?? longestWait
            let ready = connection.wait(queue.wakeup, forWriting: sendable, atMost: wait)
            if ready.contains(.woken) { queue.wakeup.drain() }
            try takeEvents(connection)
            try runCommands(connection)
            if ready.contains(.writable) { try send(on: connection) }
            queue.withState { $0.unconfirmed = inFlight.count }
            if connected.duration(to: .now) > .seconds(5) { backoff.reset() }
        }
    }

    private func takeEvents(_ connection: Connection) throws(BrokerError) {
        while let event = connection.next() {
            switch event {
            case .ack(let tag, let multiple):
                backoff.reset()
                inFlight.settle(tag, multiple: multiple, .success(()))
            case .nack(let tag, let multiple):
                inFlight.settle(tag, multiple: multiple, .failure(BrokerError(.nacked)))
            case .returned(let code, let text, let message):
                inFlight.markReturned(message, BrokerError(.returned(code: code, text: text)))
            case .blocked:
                blocked = true
                report(.blocked)
                logger.warning("broker takes no messages for now", metadata: ["connection": "\(name)"])
            case .unblocked:
                blocked = false
                report(.connected)
                logger.info("broker takes messages again", metadata: ["connection": "\(name)"])
            case .failed(let error): throw error
            case .delivery, .cancelled: break
            }
        }
    }

    /// Sends what the window has room for, a few at a time so that confirms are read in between, and only while the
    /// socket takes them: librabbitmq would block on a full one.
    private func send(on connection: Connection) throws(BrokerError) {
        var room = min(window - inFlight.count, 64)
        while room > 0, let pending = queue.withState({ $0.waiting.popFirst() }) {
            if pending.batch.isSettled { continue }
            pending.batch.markSent(pending.index)
            inFlight.append(pending)
            try connection.publish(pending.message, encodedHeaders: pending.encodedHeaders)
            FailPoint.point("publisher.sent")
            room -= 1
            guard connection.wait(queue.wakeup, forWriting: true, atMost: .zero).contains(.writable) else { return }
        }
    }

    private func runCommands(_ connection: Connection) throws(BrokerError) {
        let commands = queue.withState { state in
            defer { state.commands = [] }
            return state.commands
        }
        for (index, command) in commands.enumerated() {
            guard let error = command.run(.success(connection)) else { continue }
            // A closed aside channel is an answer; anything else is the connection's end.
            if case .channelClosed = error.kind { continue }
            queue.withState { $0.commands = commands[(index + 1)...] + $0.commands }
            throw error
        }
    }

    // MARK: Failures and deadlines

    /// The connection is gone or never came: what was in flight fails, what waits goes on waiting through the backoff.
    private func failed(_ error: BrokerError) {
        if lastFailure == nil {
            logger.warning("broker connection failed", metadata: ["connection": "\(name)", "error": "\(error)"])
        } else {
            logger.debug("broker connection failed again", metadata: ["connection": "\(name)", "error": "\(error)"])
        }
        lastFailure = error
        report(.connecting(error))
        inFlight.failAll(BrokerError(error.kind, outcomeUnknown: true))
        inFlight = ConfirmWindow()
        queue.withState { $0.unconfirmed = 0 }
        let retry = ContinuousClock.now + backoff.next()
        while !isDone, ContinuousClock.now < retry {
            expire()
            let until = nextDeadline.map { min($0, retry) } ?? retry
            queue.wakeup.wait(ContinuousClock.now.duration(to: until))
        }
        expire()
    }

    private var nextDeadline: ContinuousClock.Instant? {
        let waiting = queue.withState { state in
            [state.waiting.first?.batch.deadline, state.commands.first?.deadline].compactMap(\.self).min()
        }
        return [waiting, inFlight.firstUnsettled?.deadline].compactMap(\.self).min()
    }

    /// Settles what is past its deadline. The timeout is the same for all, so deadlines rise from the front.
    private func expire() {
        let now = ContinuousClock.now
        while let batch = inFlight.firstUnsettled, batch.deadline <= now { batch.abandon(.timedOut) }
        let connecting =
            if case .connecting(let error) = queue.withState({ $0.publisherState }) { error } else {
                nil as BrokerError?
            }
        let kind = connecting?.kind ?? .timedOut
        let (batches, commands) = queue.withState { state in
            var batches: [PublishBatch] = []
            while let first = state.waiting.first, first.batch.isSettled || first.batch.deadline <= now {
                _ = state.waiting.popFirst()
                if batches.last !== first.batch { batches.append(first.batch) }
            }
            let commands = state.commands.filter { $0.deadline <= now }
            state.commands.removeAll { $0.deadline <= now }
            return (batches, commands)
        }
        for batch in batches { batch.abandon(kind) }
        for command in commands { _ = command.run(.failure(BrokerError(kind))) }
    }

    private func report(_ state: PublisherState) { queue.withState { $0.publisherState = state } }

    private func finish() {
        report(.closed)
        let (waiting, commands) = queue.withState { state in
            defer {
                state.waiting = FIFO()
                state.commands = []
            }
            return (state.waiting, state.commands)
        }
        var rest = waiting
        while let pending = rest.popFirst() { pending.batch.abandon(.closed) }
        for command in commands { _ = command.run(.failure(BrokerError(.closed))) }
        inFlight.failAll(BrokerError(.closed, outcomeUnknown: true))
    }
}
