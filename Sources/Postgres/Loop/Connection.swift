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

    enum Item {
        case deallocate
        case prepare(Request, Statement)
        case statement(Request, Statement)
        /// Ends a batch; carries the request that it completes, if it is not a batch of reads.
        case sync(Request?)
    }

    struct Statement {
        let key: StatementKey
        let name: String
    }

    /// Statements that one connection keeps prepared.
    private static let preparedStatements = 256

    let id: UInt64
    let role: Role
    let socket: Int32
    let handle: OpaquePointer
    var statements = StatementCache(limit: preparedStatements)
    var inFlight = Queue<Item>()
    /// Counts the batches sent.
    var batch: UInt64 = 0
    /// Requests that wait for a script to end, or the script that waits for what is in flight.
    var queued = Queue<Request>()
    var script: Request?
    /// NULLs from `PQgetResult` in a row: one separates results; many mean that our books and libpq's differ.
    var separators = 0

    /// Requests in flight that are reads.
    var reads = 0
    /// Exclusive requests that the server is done with: the owner answers them.
    var completed: [Request] = []
    /// Reads thrown away with a neighbour's error: the owner runs them again, alone.
    var aborted: [Request] = []
    /// Requests of a batch that libpq did not take to the end: answered when the connection is dropped.
    var unsent: [Request] = []
    /// When something last arrived, or was sent after silence.
    var lastActivity = ContinuousClock.now

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

    private var isReader: Bool { if case .reader = role { true } else { false } }
    var isBusy: Bool { !inFlight.isEmpty || script != nil || !queued.isEmpty }
    /// A script has all the time it wants.
    var hasDeadline: Bool { !inFlight.isEmpty }
    /// Whether it may be handed to somebody else: nothing under way, no transaction open.
    var isClean: Bool { !isBusy && PQtransactionStatus(handle) == PQTRANS_IDLE }

    /// Sends the reads with one Sync behind them.
    ///
    /// - Returns: false when the connection is lost.
    func send(reads requests: [Request]) -> Bool {
        guard beginBatch() else {
            unsent = requests
            return false
        }
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

    func advanceQueue() -> Bool {
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
        guard beginBatch() else { return false }
        for sql in statements {
            guard send(sql, for: request) else { return false }
        }
        return endBatch(completing: request)
    }

    private func beginBatch() -> Bool {
        if inFlight.isEmpty { lastActivity = .now }
        // Deallocating in an explicit transaction would fail with it.
        if statements.hasSurplus, isReader || PQtransactionStatus(handle) == PQTRANS_IDLE {
            guard sendDeallocations() else { return false }
        }
        batch += 1
        return true
    }

    /// Behind a Sync of its own, so that nothing else can fail with it.
    private func sendDeallocations() -> Bool {
        for name in statements.takeSurplus() {
            guard PQsendQueryParams(handle, "DEALLOCATE \(name)", 0, nil, nil, nil, nil, 1) == 1 else { return false }
            inFlight.append(.deallocate)
        }
        return endBatch(completing: nil)
    }

    private func endBatch(completing request: Request?) -> Bool {
        guard PQpipelineSync(handle) == 1 else { return false }
        inFlight.append(.sync(request))
        return true
    }

    private func send(_ sql: SQL, for request: Request) -> Bool {
        let key = StatementKey(sql)
        let (name, isNew) = statements.name(for: key, batch: batch)
        let statement = Statement(key: key, name: name)
        if isNew {
            guard PQsendPrepare(handle, name, sql.text, Int32(sql.types.count), sql.types) == 1 else { return false }
            inFlight.append(.prepare(request, statement))
        }
        let isSent = sql.withParameters { values, lengths, formats in
            PQsendQueryPrepared(handle, name, Int32(sql.types.count), values, lengths, formats, 1) == 1
        }
        if isSent { inFlight.append(.statement(request, statement)) }
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
