import CLibpq

/// One libpq connection in pipeline mode: what was sent on it and not yet answered.
///
/// Belongs to the connection thread, like everything it refers to. Whoever drops it calls `finish()`.
///
/// The server answers strictly in order, so `inFlight` mirrors libpq's own queue: each result is for its first item.
/// A Sync ends each batch; an error aborts what is left of the batch, and only that.
final class Connection {
    enum Role {
        case reader
        case pooled
        case session
        case listener(Listener)
    }

    private enum Item {
        case deallocate
        case prepare(Request, StatementKey)
        case statement(Request, StatementKey)
        /// Ends a batch; carries the request that it completes, if it is not a batch of reads.
        case sync(Request?)
    }

    /// Statements that one connection keeps prepared.
    private static let preparedStatements = 256

    let id: UInt64
    let role: Role
    let socket: Int32
    private let handle: OpaquePointer
    private var statements = StatementCache(limit: preparedStatements)
    private var inFlight = Queue<Item>()
    /// Requests that wait for a script to end, or the script that waits for what is in flight.
    private var queued = Queue<Request>()
    private var script: Request?
    /// NULLs from `PQgetResult` in a row: one separates results; many mean that our books and libpq's differ.
    private var separators = 0

    /// Requests in flight that are reads.
    private(set) var reads = 0
    /// Exclusive requests that the server is done with: the owner answers them.
    private(set) var completed: [Request] = []
    /// Reads thrown away with a neighbour's error: the owner runs them again, alone.
    private(set) var aborted: [Request] = []
    /// Requests of a batch that libpq did not take to the end: answered when the connection is dropped.
    private var unsent: [Request] = []
    /// When something last arrived, or was sent after silence.
    private(set) var lastActivity = ContinuousClock.now

    /// Whether epoll also watches for writability, kept by the owner.
    var isWatchedForWriting = false
    /// Who may use it now, if it is handed out; each handing-out has another number.
    var lease: UInt64?
    var lossReplies: [Reply<Void>] = []
    /// The `execute` under way, if nobody holds a lease.
    var executing: Request?

    /// Takes over the handle.
    init(id: UInt64, role: Role, handle: ConnectionHandle) {
        self.id = id
        self.role = role
        self.handle = handle.pointer
        socket = PQsocket(handle.pointer)
    }

    var isBusy: Bool { !inFlight.isEmpty || script != nil || !queued.isEmpty }
    /// A script has all the time it wants.
    var hasDeadline: Bool { !inFlight.isEmpty }
    /// Whether it may be handed to somebody else: nothing under way, no transaction open.
    var isClean: Bool { !isBusy && PQtransactionStatus(handle) == PQTRANS_IDLE }

    /// Sends the reads with one Sync behind them.
    ///
    /// - Returns: false when the connection is lost.
    func send(reads requests: [Request]) -> Bool {
        beginBatch()
        for request in requests {
            guard case .read(let sql) = request.work else { continue }
            request.isSent = true
            reads += 1
            guard send(sql, for: request) else {
                unsent = requests
                return false
            }
        }
        return endBatch(completing: nil)
    }

    /// Sends an exclusive request, or keeps it until its turn.
    ///
    /// - Returns: false when the connection is lost.
    func submit(_ request: Request) -> Bool {
        queued.append(request)
        return advanceQueue()
    }

    private func advanceQueue() -> Bool {
        while script == nil, let request = queued.first {
            if request.isScript && !inFlight.isEmpty { return true }
            _ = queued.popFirst()
            request.isSent = true
            let isSent =
                switch request.work {
                case .script(let text): start(script: text, for: request)
                case .statements(let statements): send(statements, for: request)
                case .heartbeat: send([], for: request)
                case .read: false
                }
            guard isSent else {
                unsent = [request]
                return false
            }
        }
        return true
    }

    private func send(_ statements: [SQL], for request: Request) -> Bool {
        beginBatch()
        for sql in statements {
            guard send(sql, for: request) else { return false }
        }
        return endBatch(completing: request)
    }

    private func beginBatch() {
        if inFlight.isEmpty { lastActivity = .now }
    }

    private func endBatch(completing request: Request?) -> Bool {
        guard sendDeallocations(), PQpipelineSync(handle) == 1 else { return false }
        inFlight.append(.sync(request))
        return true
    }

    /// At the end of a batch, where a failure can abort nothing but the deallocation itself (and then a name stays
    /// known to the server unused: harmless). In an explicit transaction it waits for the next one.
    private func sendDeallocations() -> Bool {
        if !statements.hasSurplus || (lease != nil && PQtransactionStatus(handle) != PQTRANS_IDLE) { return true }
        for name in statements.takeSurplus() {
            guard PQsendQueryParams(handle, "DEALLOCATE \(name)", 0, nil, nil, nil, nil, 1) == 1 else { return false }
            inFlight.append(.deallocate)
        }
        return true
    }

    private func send(_ sql: SQL, for request: Request) -> Bool {
        let key = StatementKey(sql)
        let (name, isNew) = statements.name(for: key)
        if isNew {
            guard PQsendPrepare(handle, name, sql.text, Int32(sql.types.count), sql.types) == 1 else { return false }
            inFlight.append(.prepare(request, key))
        }
        let isSent = sql.withParameters { values, lengths, formats in
            PQsendQueryPrepared(handle, name, Int32(sql.types.count), values, lengths, formats, 1) == 1
        }
        if isSent { inFlight.append(.statement(request, key)) }
        return isSent
    }

    private func start(script text: [UInt8], for request: Request) -> Bool {
        script = request
        return PQexitPipelineMode(handle) == 1 && PQsendQuery(handle, String(decoding: text, as: UTF8.self)) == 1
    }

    /// Hands what libpq has buffered to the kernel.
    ///
    /// - Returns: whether more waits for the socket to take it; nil when the connection is lost.
    func flush() -> Bool? {
        switch PQflush(handle) {
        case 0: false
        case 1: true
        default: nil
        }
    }

    /// Takes in what has arrived, answering reads at once.
    ///
    /// - Returns: false when the connection is lost.
    func receive() -> Bool {
        guard PQconsumeInput(handle) == 1 else { return false }
        lastActivity = .now
        if case .listener(let listener) = role { takeNotifications(for: listener) }
        while !inFlight.isEmpty || script != nil, PQisBusy(handle) == 0 {
            guard let result = PQgetResult(handle) else {
                guard takeSeparator() else { return false }
                continue
            }
            separators = 0
            guard take(result) else { return false }
        }
        return advanceQueue()
    }

    private func takeSeparator() -> Bool {
        separators += 1
        guard separators < 8 else { return false }
        if let request = script {
            script = nil
            completed.append(request)
            return PQenterPipelineMode(handle) == 1
        }
        return true
    }

    /// - Returns: false when the connection can't go on after this result.
    private func take(_ result: OpaquePointer) -> Bool {
        let status = PQresultStatus(result)
        let error = status == PGRES_FATAL_ERROR ? PostgresError.ServerError(result) : nil
        let isRows = status == PGRES_TUPLES_OK
        let isSuccess = isRows || status == PGRES_COMMAND_OK || status == PGRES_EMPTY_QUERY
        let isExpected = isSuccess || status == PGRES_PIPELINE_SYNC || status == PGRES_PIPELINE_ABORTED || error != nil
        var isOwned = true
        defer { if isOwned { PQclear(result) } }
        // COPY, which nobody may start here; an error without SQLSTATE is libpq's own: the connection is broken.
        guard isExpected, error.map({ !$0.endsConnection }) ?? true else { return false }

        if let script {
            if let error { script.failure = script.failure ?? PostgresError(.server(error)) }
            return true
        }
        guard let item = inFlight.first else { return false }
        switch item {
        case .sync(let request):
            guard status == PGRES_PIPELINE_SYNC else {
                // The commit itself failed (a deferred constraint); the Sync is still to come.
                request?.failure = request?.failure ?? error.map { PostgresError(.server($0)) }
                return error != nil
            }
            if let request { completed.append(request) }
        case .deallocate:
            break
        case .prepare(let request, let key):
            if !isSuccess { statements.forget(key) }
            if let error { take(error, of: request, key: key) }
        case .statement(let request, let key):
            if isSuccess {
                isOwned = false
                take(QueryResult(storage: ResultStorage(owning: result)), of: request)
            } else if let error {
                take(error, of: request, key: key)
            } else if request.isRead, request.failure == nil {
                aborted.append(request)
            }
            if request.isRead { reads -= 1 }
        }
        _ = inFlight.popFirst()
        return true
    }

    private func take(_ result: QueryResult, of request: Request) {
        if request.isRead {
            request.reply.answer(.success([result]))
        } else {
            request.results.append(result)
        }
    }

    private func take(_ error: PostgresError.ServerError, of request: Request, key: StatementKey) {
        if error.isStalePlan { statements.forget(key, deallocating: error.sqlState != "26000") }
        if request.isRead, error.isStalePlan, !request.wasRetried {
            request.wasRetried = true
            aborted.append(request)
            return
        }
        request.failure = request.failure ?? PostgresError(answering: error)
        if request.isRead { request.answer() }
    }

    private func takeNotifications(for listener: Listener) {
        while let notification = PQnotifies(handle) {
            listener.buffer.append(
                .notification(
                    channel: String(cString: notification.pointee.relname),
                    payload: String(cString: notification.pointee.extra)))
            PQfreemem(notification)
        }
    }

    func takeCompleted() -> [Request] {
        if completed.isEmpty { return [] }
        defer { completed = [] }
        return completed
    }

    func takeAborted() -> [Request] {
        if aborted.isEmpty { return [] }
        defer { aborted = [] }
        return aborted
    }

    /// Gives up on the reads in flight that are too old; their results will be thrown away.
    func failReads(enqueuedBefore limit: ContinuousClock.Instant) {
        inFlight.forEach { item in
            if case .statement(let request, _) = item, request.isRead, request.enqueuedAt < limit {
                request.fail(.timedOut)
            }
        }
    }

    /// Everything that still waits for an answer, each once, in order.
    func takeOutstanding() -> [Request] {
        var requests: [Request] = []
        for item in inFlight.drain() {
            switch item {
            case .prepare(let request, _), .statement(let request, _), .sync(let request?): requests.append(request)
            case .deallocate, .sync(nil): break
            }
        }
        if let script { requests.append(script) }
        requests += unsent + queued.drain()
        var seen: Set<ObjectIdentifier> = []
        return requests.filter { seen.insert(ObjectIdentifier($0)).inserted }
    }

    /// Closes the connection; the object must not be used any more.
    ///
    /// - Returns: what it takes to cancel the statement still running on the server, if asked for.
    func finish(cancelling: Bool) -> CancelHandle? {
        let cancel = cancelling ? PQgetCancel(handle).map { CancelHandle(pointer: $0) } : nil
        PQfinish(handle)
        return cancel
    }
}
