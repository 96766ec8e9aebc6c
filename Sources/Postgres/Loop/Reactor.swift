import CLinux
import Glibc
import Logging

/// The connection thread: owns every connection of one `Database` and all that is decided about them.
///
/// Nothing here is shared: it lives and dies on its thread. Each round waits for sockets, the inbox or the next
/// deadline, then takes in results, takes commands, looks at the clock, and hands out work.
final class Reactor {
    /// Why a connection is being made.
    enum Purpose {
        case reader
        case pooled
        case session(Reply<Lease>)
        case listener(Listener)
    }

    struct Attempt {
        let purpose: Purpose
        let startedAt: ContinuousClock.Instant
    }

    /// Epoll's token for the eventfd; connections count from 1.
    private static let wakeUpToken: UInt64 = 0

    let loop: ConnectionLoop
    let settings: DatabaseSettings
    let logger: Logger
    let epoll: Int32
    var now = ContinuousClock.now

    var connections: [UInt64: Connection] = [:]
    var attempts: [UInt64: Attempt] = [:]
    var lastID: UInt64 = 0
    var cancellations = 0

    // Reads: see Reactor+Reads.swift.
    var readers: [Connection] = []
    var connectingReaders = 0
    var readBackoff: Backoff
    var wantsReaders = false
    var pendingReads = Queue<Request>()
    var nextReadSweep: ContinuousClock.Instant

    // Transactions: see Reactor+Pool.swift.
    var waiters = Queue<Waiter>()
    var idle: [Connection] = []
    var pooled = 0
    var connectingPooled = 0
    var poolBackoff: Backoff
    var lastRefusal: PostgresError.Kind?

    var listeners: [Listener] = []
    var sessions = 0

    var closingDeadline: ContinuousClock.Instant?
    var closeReplies: [Reply<Void>] = []
    var statistics = DatabaseStatistics()

    init(_ loop: ConnectionLoop, logger: Logger) {
        self.loop = loop
        self.logger = logger
        settings = loop.settings
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        precondition(epoll >= 0, "no file descriptor left for the database's epoll")
        readBackoff = Backoff(maximum: settings.maximumBackoff)
        poolBackoff = Backoff(maximum: settings.maximumBackoff)
        nextReadSweep = .now
        _ = linux_epoll_ctl(epoll, EPOLL_CTL_ADD, loop.wakeUp, EPOLLIN.rawValue, Self.wakeUpToken)
    }

    /// How long a connection with work may be silent: a little more than the server's own limit for one statement,
    /// so that a slow statement fails alone and only a silent server costs the connection.
    var silenceLimit: Duration { settings.queryTimeout + min(settings.queryTimeout / 4, .seconds(1)) }

    func run() {
        var events = [epoll_event](repeating: epoll_event(), count: 64)
        var reads: [Request] = []
        var commands: [ConnectionLoop.Command] = []
        while !isFinished {
            let count = epoll_wait(epoll, &events, Int32(events.count), timeout())
            now = .now
            for event in events.prefix(Int(max(count, 0))) {
                take(event)
            }
            loop.take(reads: &reads, commands: &commands)
            for command in commands { perform(command) }
            for read in reads { pendingReads.append(read) }
            commands.removeAll(keepingCapacity: true)
            reads.removeAll(keepingCapacity: true)
            checkDeadlines()
            dispatchReads()
            serveWaiters()
            reconnectListeners()
            publishStatistics()
        }
        finish()
    }

    private func take(_ event: epoll_event) {
        let token = withUnsafePointer(to: event) { linux_epoll_token($0) }
        if token == Self.wakeUpToken {
            linux_eventfd_drain(loop.wakeUp)
        } else if let connection = connections[token] {
            receive(on: connection)
        }
    }

    private func receive(on connection: Connection) {
        let isAlive = connection.receive()
        let aborted = connection.takeAborted()
        for request in aborted { request.runsAlone = true }
        if !aborted.isEmpty { pendingReads.prepend(aborted) }
        for request in connection.takeCompleted() { complete(request, on: connection) }
        // Completing may have dropped it.
        guard connections[connection.id] != nil else { return }
        if isAlive { flush(connection) } else { drop(connection, .connectionLost) }
    }

    private func complete(_ request: Request, on connection: Connection) {
        switch connection.role {
        case .pooled where connection.executing === request:
            connection.executing = nil
            putBack(connection)
        case .listener(let listener):
            if case .statements = request.work { listeningBegan(listener, request.failure, on: connection) }
        case .reader, .pooled, .session: break
        }
        request.answer()
    }

    private func perform(_ command: ConnectionLoop.Command) {
        switch command {
        case .begin(let request): enqueue(Waiter(enqueuedAt: now, purpose: .begin(request)))
        case .cancelBegin(let request):
            request.isCancelled = true
            if let connection = request.lease.flatMap(holder) { drop(connection, .cancelled, cancelling: true) }
        case .execute(let request): enqueue(Waiter(enqueuedAt: now, purpose: .execute(request)))
        case .openSession(let reply): connect(for: .session(reply))
        case .submit(let request, let lease): submit(request, lease)
        case .cancel(let lease):
            if let connection = holder(of: lease) { drop(connection, .cancelled, cancelling: true) }
        case .release(let lease):
            if let connection = holder(of: lease) { release(connection) }
        case .watch(let lease, let reply):
            if let connection = holder(of: lease) {
                connection.lossReplies.removeAll(where: \.isAnswered)
                connection.lossReplies.append(reply)
            } else {
                reply.answer(.failure(PostgresError(.connectionLost)))
            }
        case .listen(let channels, let buffer): listen(to: channels, into: buffer)
        case .stopListening(let buffer): stopListening(buffer)
        case .connected(let attempt, let outcome): finish(attempt: attempt, outcome)
        case .cancellationEnded: cancellations -= 1
        case .close(let reply): beginClosing(reply)
        }
    }

    private func submit(_ request: Request, _ lease: Lease) {
        guard let connection = holder(of: lease) else {
            // Lost, or released: a transaction used outside of its closure.
            return request.fail(.connectionLost)
        }
        if connection.submit(request) { flush(connection) } else { drop(connection, .connectionLost) }
    }
}
