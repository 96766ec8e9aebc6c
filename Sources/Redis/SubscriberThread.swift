import Logging

/// The body of the thread that owns the connection of a ``RedisSubscriber``.
struct SubscriberThread {
    private let address: RedisAddress
    private let settings: RedisSettings
    private let state: SubscriptionState
    private let logger: Logger
    /// One per SUBSCRIBE and UNSUBSCRIBE sent; Redis confirms them in this order. Nil where nobody waits.
    private var unconfirmed = FIFO<(confirmation: Confirmation?, deadline: ContinuousClock.Instant)>()
    private var pingSent: ContinuousClock.Instant?

    init(_ address: RedisAddress, settings: RedisSettings, state: SubscriptionState, logger: Logger) {
        self.address = address
        self.settings = settings
        self.state = state
        self.logger = logger
    }

    mutating func run() {
        var backoff = Backoff()
        var reportedOutage = false
        while !state.isClosed {
            do throws(RedisError) {
                let connection = try RedisConnection(address, timeout: settings.connectTimeout, wake: state.wake)
                try resubscribe(on: connection)
                _ = state.enter(.online)
                logger.info("Subscribed at Redis", metadata: ["address": "\(address)"])
                backoff.reset()
                reportedOutage = false
                state.events.append(.connected)
                try serve(connection)
            } catch {
                endOutage(error)
                if !state.isClosed, !reportedOutage {
                    logger.warning(
                        "Subscriptions at Redis are away", metadata: ["address": "\(address)", "error": "\(error)"])
                    reportedOutage = true
                }
                let resume = ContinuousClock.now + backoff.next()
                while !state.isClosed, ContinuousClock.now < resume { state.wake.wait(until: resume) }
            }
        }
        endOutage(RedisError(.closed))
        state.ended.signal()
    }

    private mutating func resubscribe(on connection: RedisConnection) throws(RedisError) {
        pingSent = nil
        let (channels, operations) = state.takeAll()
        let deadline = ContinuousClock.now + settings.commandTimeout
        for channel in channels { subscribe(channel, nil, deadline: deadline, on: connection) }
        // The waits of calls that came before the connection stood end with the last confirmation. What was given up
        // again meanwhile is not among the channels, so nothing is left to be done about it.
        let waits = operations.compactMap { operation in
            if case .subscribe(_, let confirmation, _) = operation { confirmation } else { nil }
        }
        do throws(RedisError) {
            while !unconfirmed.isEmpty, !state.isClosed { try step(connection) }
        } catch {
            for wait in waits { wait.finish(.failure(RedisError(.unreachable("subscribing failed")))) }
            throw error
        }
        let isClosed = state.isClosed
        for wait in waits { wait.finish(isClosed ? .failure(RedisError(.closed)) : .success(())) }
    }

    private mutating func serve(_ connection: RedisConnection) throws(RedisError) {
        while !state.isClosed {
            for operation in state.takeOperations() {
                switch operation {
                case .subscribe(let channel, let confirmation, let deadline):
                    subscribe(channel, confirmation, deadline: deadline, on: connection)
                case .unsubscribe(let channel):
                    connection.append([Array("UNSUBSCRIBE".utf8), Array(channel.utf8)])
                    unconfirmed.append((nil, .now + settings.commandTimeout))
                }
            }
            try step(connection)
        }
    }

    private mutating func subscribe(
        _ channel: String, _ confirmation: Confirmation?, deadline: ContinuousClock.Instant,
        on connection: RedisConnection
    ) {
        connection.append([Array("SUBSCRIBE".utf8), Array(channel.utf8)])
        unconfirmed.append((confirmation, deadline))
    }

    /// Sends, waits for something to happen, and takes in what came.
    private mutating func step(_ connection: RedisConnection) throws(RedisError) {
        let now = ContinuousClock.now
        if let oldest = unconfirmed.first, oldest.deadline <= now { throw RedisError(.timedOut) }
        if let pingSent, pingSent + settings.commandTimeout <= now { throw RedisError(.timedOut) }
        let pingDue = connection.lastReceived + settings.pingInterval
        if pingSent == nil, pingDue <= now {
            connection.append([Array("PING".utf8)])
            pingSent = now
        }
        try connection.flush()
        let next = min(
            pingSent.map { $0 + settings.commandTimeout } ?? pingDue, unconfirmed.first?.deadline ?? pingDue)
        try connection.wait(wake: state.wake, until: next)
        while let reply = try connection.nextReply() { try takeIn(reply) }
    }

    private mutating func takeIn(_ reply: RedisReply) throws(RedisError) {
        // Any sign of life answers the question that PING asks.
        pingSent = nil
        switch reply {
        case .error(let code): throw RedisError(.refused(code: code))
        case .status("PONG"): return  // as long as no channel is subscribed
        case .array(let parts) where parts.first?.string == "pong": return
        case .array(let parts) where parts.count == 3:
            switch (parts[0].string, parts[1], parts[2]) {
            case ("message", .bytes(let channel), .bytes(let payload)):
                state.events.append(.message(channel: String(decoding: channel, as: UTF8.self), payload: payload))
            case ("subscribe", _, _), ("unsubscribe", _, _):
                guard let first = unconfirmed.popFirst() else { throw RedisError(.protocolViolation) }
                first.confirmation?.finish(.success(()))
            default: throw RedisError(.protocolViolation)
            }
        default: throw RedisError(.protocolViolation)
        }
    }

    /// Ends every wait and says so to the reader, once per outage.
    private mutating func endOutage(_ error: RedisError) {
        let wasOnline = state.isOnline
        let operations = state.enter(.offline)
        let reason = error.kind == .closed ? error : RedisError(.unreachable("the connection was lost"))
        for (confirmation, _) in unconfirmed.takeAll() { confirmation?.finish(.failure(reason)) }
        for case .subscribe(_, let confirmation, _) in operations { confirmation.finish(.failure(reason)) }
        if wasOnline { state.events.append(.disconnected) }
    }
}
