import CLibpq
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
    private var attempts: [UInt64: Attempt] = [:]
    private var lastID: UInt64 = 0
    private var cancellations = 0

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
        case .acquire(let reply): enqueue(Waiter(enqueuedAt: now, purpose: .lease(reply)))
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

    // MARK: connections

    /// The connection, if the lease is still good.
    private func holder(of lease: Lease) -> Connection? {
        guard let connection = connections[lease.connection], connection.lease == lease.number else { return nil }
        return connection
    }

    func nextID() -> UInt64 {
        lastID += 1
        return lastID
    }

    func connect(for purpose: Purpose) {
        let id = nextID()
        attempts[id] = Attempt(purpose: purpose, startedAt: now)
        switch purpose {
        case .reader: connectingReaders += 1
        case .pooled: connectingPooled += 1
        case .session: break
        case .listener(let listener): listener.isConnecting = true
        }
        var readOnly = false
        if case .reader = purpose { readOnly = true }
        Connector.connect(settings, readOnly: readOnly) { [loop] outcome in
            let isTaken = loop.postUnlessFinished(.connected(attempt: id, outcome))
            if !isTaken, case .success(let handle) = outcome { PQfinish(handle.pointer) }
        }
    }

    private func finish(attempt id: UInt64, _ outcome: Connector.Outcome) {
        guard let attempt = attempts.removeValue(forKey: id) else { return }
        switch attempt.purpose {
        case .reader: connectingReaders -= 1
        case .pooled: connectingPooled -= 1
        case .session: break
        case .listener(let listener): listener.isConnecting = false
        }
        switch outcome {
        case .success(let handle):
            statistics.connectionsMade += 1
            adopt(handle, attempt.purpose)
        case .failure(let error):
            connectionRefused(attempt, error)
        }
    }

    private func adopt(_ handle: ConnectionHandle, _ purpose: Purpose) {
        let role: Connection.Role =
            switch purpose {
            case .reader: .reader
            case .pooled: .pooled
            case .session: .session
            case .listener(let listener): .listener(listener)
            }
        let connection = Connection(id: nextID(), role: role, handle: handle)
        guard linux_epoll_ctl(epoll, EPOLL_CTL_ADD, connection.socket, EPOLLIN.rawValue, connection.id) == 0 else {
            _ = connection.finish(cancelling: false)
            return connectionRefused(
                Attempt(purpose: purpose, startedAt: now), PostgresError(.unreachable("epoll refused the socket")))
        }
        connections[connection.id] = connection
        switch purpose {
        case .reader: readerConnected(connection)
        case .pooled: pooledConnected(connection)
        case .session(let reply):
            sessions += 1
            if !handOut(connection, to: reply) { drop(connection, nil) }
        case .listener(let listener): listenerConnected(listener, connection)
        }
    }

    /// Those who wait for a connection being made, when none will be taken any more.
    func failAttempts() {
        for attempt in attempts.values {
            if case .session(let reply) = attempt.purpose { reply.answer(.failure(PostgresError(.closed))) }
        }
    }

    private func connectionRefused(_ attempt: Attempt, _ error: PostgresError) {
        switch attempt.purpose {
        case .reader: readersRefused(attempt, error)
        case .pooled: poolRefused(attempt, error)
        case .session(let reply): reply.answer(.failure(error))
        case .listener(let listener): listener.backoff.failed(at: now)
        }
    }

    /// - Returns: false when the caller has gone meanwhile.
    func handOut(_ connection: Connection, to reply: Reply<Lease>) -> Bool {
        let number = nextID()
        connection.lease = number
        let isTaken = reply.answer(.success(Lease(connection: connection.id, number: number)))
        if !isTaken { connection.lease = nil }
        return isTaken
    }

    private func release(_ connection: Connection) {
        if case .pooled = connection.role, connection.isClean {
            connection.lease = nil
            putBack(connection)
        } else {
            drop(connection, nil)
        }
    }

    /// Sends what is buffered, and watches the socket for writing as long as it does not take everything.
    func flush(_ connection: Connection) {
        guard let isBlocked = connection.flush() else { return drop(connection, .connectionLost) }
        if isBlocked == connection.isWatchedForWriting { return }
        connection.isWatchedForWriting = isBlocked
        let events = EPOLLIN.rawValue | (isBlocked ? EPOLLOUT.rawValue : 0)
        _ = linux_epoll_ctl(epoll, EPOLL_CTL_MOD, connection.socket, events, connection.id)
    }

    /// Closes a connection and answers everyone who waits on it.
    ///
    /// - Parameter kind: what they are told; nil when we close it in good order.
    func drop(_ connection: Connection, _ kind: PostgresError.Kind?, cancelling: Bool = false) {
        guard connections.removeValue(forKey: connection.id) != nil else { return }
        _ = linux_epoll_ctl(epoll, EPOLL_CTL_DEL, connection.socket, 0, 0)
        let wasBusy = connection.isBusy
        let mayRetry = if case .connectionLost = kind { closingDeadline == nil } else { false }
        var again: [Request] = []
        for request in connection.takeOutstanding() {
            if mayRetry, request.isRead, !request.wasRetried {
                request.wasRetried = true
                again.append(request)
            } else {
                request.fail(kind ?? .closed)
            }
        }
        if !again.isEmpty { pendingReads.prepend(again) }
        for reply in connection.lossReplies { reply.answer(.failure(PostgresError(.connectionLost))) }
        connectionGone(connection)
        if kind != nil, !cancelling, closingDeadline == nil {
            statistics.connectionsLost += 1
            logger.warning("database connection lost", metadata: ["cause": "\(PostgresError(kind ?? .closed))"])
        }
        // The request under way may take long: tell the server, unless four others are being told and it won't listen.
        let tells = cancelling && wasBusy && cancellations < 4
        if let cancel = connection.finish(cancelling: tells) {
            cancellations += 1
            Connector.cancel(cancel) { [loop] in loop.postUnlessFinished(.cancellationEnded) }
        }
    }
}
