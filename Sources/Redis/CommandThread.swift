import Logging
import Synchronization

/// What callers and the connection's thread share. Bounded by count and bytes from enqueueing to the answer.
final class CommandQueue: Sendable {
    enum Mode { case connecting, online, offline, closed }

    private struct State {
        var mode = Mode.connecting
        var commands: [PendingCommand] = []
        /// Of the commands here and of those that the thread has taken and not settled.
        var count = 0
        var bytes = 0
    }

    let wake = WakeUp()
    let ended = EndSignal()
    private let state = Mutex(State())
    private let maximumCount: Int
    private let maximumBytes: Int

    init(_ settings: RedisSettings) {
        maximumCount = settings.maximumPending
        maximumBytes = settings.maximumPendingBytes
    }

    var isConnected: Bool { state.withLock { $0.mode == .online } }
    var isClosed: Bool { state.withLock { $0.mode == .closed } }

    func enqueue(_ command: PendingCommand) {
        let (refusal, wasEmpty): (RedisError?, Bool) = state.withLock { state in
            switch state.mode {
            case .closed: return (RedisError(.closed), false)
            case .offline: return (RedisError(.unreachable("the last attempt to connect failed")), false)
            case .connecting, .online: break
            }
            guard state.count < maximumCount, state.bytes + command.byteCount <= maximumBytes else {
                return (RedisError(.overloaded), false)
            }
            state.count += 1
            state.bytes += command.byteCount
            state.commands.append(command)
            return (nil, state.commands.count == 1)
        }
        if let refusal { command.outcome.finish(.failure(refusal)) } else if wasEmpty { wake.signal() }
    }

    func take() -> [PendingCommand] {
        state.withLock { state in
            defer { state.commands = [] }
            return state.commands
        }
    }

    /// The thread is done with the command: its place is free, its caller gets the result.
    func settle(_ command: PendingCommand, _ result: Result<RedisReply, RedisError>) {
        state.withLock { state in
            state.count -= 1
            state.bytes -= command.byteCount
        }
        command.outcome.finish(result)
    }

    /// `closed` is final. Going offline or closing hands back what waits, for the caller to settle.
    func enter(_ mode: Mode) -> [PendingCommand] {
        state.withLock { state in
            if state.mode != .closed { state.mode = mode }
            guard state.mode == .offline || state.mode == .closed else { return [] }
            defer { state.commands = [] }
            return state.commands
        }
    }

    func close() {
        for command in enter(.closed) { settle(command, .failure(RedisError(.closed))) }
        wake.signal()
    }
}

/// The body of the thread that owns the connection of a ``RedisClient``.
struct CommandThread {
    /// Commands move into hiredis' buffer in portions of this size: it shifts the rest of its buffer at every write.
    private static let portion = 256 << 10

    private let address: RedisAddress
    private let settings: RedisSettings
    private let queue: CommandQueue
    private let logger: Logger
    /// Taken from the queue, not yet handed to hiredis.
    private var waiting = FIFO<PendingCommand>()
    /// Handed to hiredis; answers come in this order. A cancelled one keeps its place.
    private var inFlight = FIFO<PendingCommand>()

    init(_ address: RedisAddress, settings: RedisSettings, queue: CommandQueue, logger: Logger) {
        self.address = address
        self.settings = settings
        self.queue = queue
        self.logger = logger
    }

    /// A lost connection is made anew while callers wait; only a failed attempt makes them fail at once.
    mutating func run() {
        var backoff = Backoff()
        var reportedOutage = false
        while !queue.isClosed {
            do throws(RedisError) {
                let timeout = min(settings.connectTimeout, settings.commandTimeout)
                let connection = try RedisConnection(address, timeout: timeout, wake: queue.wake)
                _ = queue.enter(.online)
                logger.info("Connected to Redis", metadata: ["address": "\(address)"])
                backoff.reset()
                reportedOutage = false
                try serve(connection)
            } catch {
                settleAfter(error, wasConnected: queue.isConnected)
                if !queue.isClosed, !reportedOutage {
                    logger.warning("Redis is away", metadata: ["address": "\(address)", "error": "\(error)"])
                    reportedOutage = true
                }
                let resume = ContinuousClock.now + backoff.next()
                while !queue.isClosed, ContinuousClock.now < resume { queue.wake.wait(until: resume) }
            }
        }
        settleAfter(RedisError(.closed), wasConnected: false)
        queue.ended.signal()
    }

    /// Returns when the queue is closed.
    private mutating func serve(_ connection: RedisConnection) throws(RedisError) {
        while !queue.isClosed {
            waiting.append(contentsOf: queue.take())
            dropOverdue()
            try send(on: connection)
            if let oldest = inFlight.first, oldest.deadline <= .now { throw RedisError(.timedOut) }
            let idle = ContinuousClock.now + .seconds(3600)
            let next = min(inFlight.first?.deadline ?? idle, waiting.first?.deadline ?? idle)
            try connection.wait(wake: queue.wake, until: next)
            while let reply = try connection.nextReply() {
                // An answer that nobody asked for: the pairing of answers to commands is lost.
                guard let command = inFlight.popFirst() else { throw RedisError(.protocolViolation) }
                queue.settle(command, .success(reply))
            }
        }
    }

    private mutating func send(on connection: RedisConnection) throws(RedisError) {
        while !connection.hasUnsentBytes, !waiting.isEmpty {
            var bytes = 0
            while bytes < Self.portion, let command = waiting.popFirst() {
                if command.outcome.isFinished {
                    queue.settle(command, .failure(RedisError(.cancelled)))
                    continue
                }
                connection.append(command.parts)
                bytes += command.byteCount
                inFlight.append(command)
            }
            try connection.flush()
        }
    }

    /// Every command has the same timeout, so the first in line is the first to be overdue.
    private mutating func dropOverdue() {
        let now = ContinuousClock.now
        while let first = waiting.first, first.deadline <= now, let command = waiting.popFirst() {
            queue.settle(command, .failure(RedisError(.timedOut)))
        }
    }

    private mutating func settleAfter(_ error: RedisError, wasConnected: Bool) {
        let now = ContinuousClock.now
        for command in inFlight.takeAll() {
            let lost = error.kind == .closed ? error : RedisError(command.deadline <= now ? .timedOut : .connectionLost)
            queue.settle(command, .failure(lost))
        }
        if wasConnected {
            // Not sent yet: the next connection may still carry them, within their deadlines.
            _ = queue.enter(.connecting)
            return
        }
        fail(waiting.takeAll() + queue.enter(.offline), with: error)
    }

    private func fail(_ commands: [PendingCommand], with error: RedisError) {
        for command in commands { queue.settle(command, .failure(error)) }
    }
}
