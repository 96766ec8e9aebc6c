import CLinux
import Glibc
import Logging
import Synchronization

/// The way into the connection thread, for any task: submits requests and waits for their answers.
///
/// The thread itself is `Reactor`; it keeps this object alive until it has ended. All traffic inwards goes through one
/// locked inbox and an eventfd, written only when the inbox was empty.
final class ConnectionLoop: Sendable {
    /// What tasks and helper threads ask of the connection thread.
    enum Command: Sendable {
        case begin(Request)
        case cancelBegin(Request)
        case execute(Request)
        case openSession(Reply<Lease>)
        case submit(Request, Lease)
        case cancel(Lease)
        case release(Lease)
        case watch(Lease, Reply<Void>)
        case listen([String], NotificationBuffer)
        case stopListening(NotificationBuffer)
        case connected(attempt: UInt64, Connector.Outcome)
        case cancellationEnded
        case close(Reply<Void>?)
    }

    struct Inbox: ~Copyable {
        var reads: [Request] = []
        var commands: [Command] = []
        /// Reads that the thread has taken and not yet answered, as of its last visit.
        var readsUnderWay = 0
        var isClosing = false
        /// The thread has gone: nothing will be taken any more.
        var isFinished = false
        var statistics = DatabaseStatistics()
    }

    let settings: DatabaseSettings
    private let inbox = Mutex(Inbox())
    /// Open as long as this object lives: whoever posts can always write it.
    let wakeUp: Int32

    init(_ settings: DatabaseSettings, logger: Logger) {
        self.settings = settings
        wakeUp = linux_eventfd()
        precondition(wakeUp >= 0, "no file descriptor left for the database's eventfd")
        let started = startThread(name: "postgres") { [self] in Reactor(self, logger: logger).run() }
        precondition(started, "no thread left for the database's connections")
    }

    deinit {
        Glibc.close(wakeUp)
    }

    var statistics: DatabaseStatistics { inbox.withLock { $0.statistics } }

    // MARK: for tasks

    func read(_ sql: SQL) async throws(PostgresError) -> QueryResult {
        try checkParameters([sql])
        let request = Request(.read(sql))
        try submit(read: request)
        return try await request.reply.value()[0]
    }

    /// Takes a pooled connection, first come first served, and runs the statements on it in one round trip. A cancelled
    /// task loses the connection and its statements are stopped.
    ///
    /// - Returns: the lease of the connection, for the caller to release, and what the statements came to; no lease if
    ///   there was no connection, or none is left.
    func begin(_ statements: [SQL]) async -> (lease: Lease?, results: Result<[QueryResult], PostgresError>) {
        let request = Request(.statements(statements))
        do throws(PostgresError) {
            try checkParameters(statements)
            try post(.begin(request), isNewWork: true)
        } catch {
            return (nil, .failure(error))
        }
        do throws(PostgresError) {
            let results = try await request.reply.value { [self] in postUnlessFinished(.cancelBegin(request)) }
            return (request.lease, .success(results))
        } catch {
            // Cancelled, the thread may still be handing it out, and takes it back by itself.
            if case .cancelled = error.kind { return (nil, .failure(error)) }
            return (request.lease, .failure(error))
        }
    }

    /// Runs the statements on the next free pooled connection. It can be cancelled only while it waits for one.
    func execute(_ statements: [SQL]) async throws(PostgresError) -> [QueryResult] {
        if statements.isEmpty { return [] }
        try checkParameters(statements)
        let request = Request(.statements(statements), commits: true)
        try post(.execute(request), isNewWork: true)
        return try await request.reply.value()
    }

    func openSession() async throws(PostgresError) -> Lease {
        let reply = Reply<Lease>()
        try post(.openSession(reply), isNewWork: true)
        return try await reply.value()
    }

    /// Runs the statements in one round trip. A cancelled task loses the connection and its statements are stopped.
    @discardableResult
    func exchange(
        _ lease: Lease, _ statements: [SQL], commits: Bool = false
    ) async throws(PostgresError) -> [QueryResult] {
        try checkParameters(statements)
        return try await run(Request(.statements(statements), commits: commits), on: lease)
    }

    func runScript(_ lease: Lease, _ script: [UInt8]) async throws(PostgresError) {
        _ = try await run(Request(.script(script), commits: true), on: lease)
    }

    private func run(_ request: Request, on lease: Lease) async throws(PostgresError) -> [QueryResult] {
        try post(.submit(request, lease))
        let cancellation = PostgresError(.cancelled, outcomeUnknown: request.commits)
        return try await request.reply.value(cancellation: cancellation) { [self] in
            postUnlessFinished(.cancel(lease))
        }
    }

    /// Not cancelled with the task: a commit's outcome is always waited for.
    ///
    /// - Returns: what the server did: "COMMIT", or "ROLLBACK" for a transaction that had failed.
    func commit(
        _ lease: Lease, after statements: [SQL] = []
    ) async throws(PostgresError) -> (results: [QueryResult], tag: String) {
        try checkParameters(statements)
        let request = Request(.statements(statements + ["COMMIT"]), commits: true)
        try post(.submit(request, lease))
        let results = try await request.reply.uncancellableValue()
        return (Array(results.dropLast()), results[statements.count].storage.commandTag)
    }

    /// Not cancelled with the task. When it fails, the connection is not clean and its release drops it.
    func rollback(_ lease: Lease) async {
        let request = Request(.statements(["ROLLBACK"]))
        do throws(PostgresError) {
            try post(.submit(request, lease))
            _ = try await request.reply.uncancellableValue()
        } catch {}
    }

    func release(_ lease: Lease) {
        postUnlessFinished(.release(lease))
    }

    /// Returns never; throws `.connectionLost` when the lease's connection is lost, `.cancelled` with the task.
    func waitForLoss(of lease: Lease) async throws(PostgresError) {
        let reply = Reply<Void>()
        try post(.watch(lease, reply))
        try await reply.value()
    }

    func listen(to channels: [String], into buffer: NotificationBuffer) {
        if !postUnlessFinished(.listen(channels, buffer)) { buffer.finish() }
    }

    func stopListening(_ buffer: NotificationBuffer) {
        postUnlessFinished(.stopListening(buffer))
    }

    func close() async {
        let reply = Reply<Void>()
        inbox.withLock { $0.isClosing = true }
        guard postUnlessFinished(.close(reply)) else { return }
        // Ends by itself: the thread gives up on what does not finish.
        do throws(PostgresError) { try await reply.uncancellableValue() } catch {}
    }

    /// Closes without anyone waiting.
    func abandon() {
        inbox.withLock { $0.isClosing = true }
        postUnlessFinished(.close(nil))
    }

    /// The protocol counts parameters in 16 bits: beyond them libpq refuses, which must not cost the connection.
    private func checkParameters(_ statements: [SQL]) throws(PostgresError) {
        guard statements.contains(where: { $0.types.count > Int(UInt16.max) }) else { return }
        let message = "a statement has more than 65535 parameters: bind arrays"
        throw PostgresError(
            .server(.init(sqlState: "54000", message: message, constraint: nil, detail: nil, isStalePlan: false)))
    }

    // MARK: the inbox

    private func submit(read request: Request) throws(PostgresError) {
        let refusal: PostgresError.Kind? = inbox.withLock { inbox in
            if inbox.isClosing || inbox.isFinished { return .closed }
            if inbox.reads.count + inbox.readsUnderWay >= settings.maximumWaiting { return .poolExhausted }
            wakeIfEmpty(&inbox)
            inbox.reads.append(request)
            return nil
        }
        if let refusal { throw PostgresError(refusal) }
    }

    private func post(_ command: Command, isNewWork: Bool = false) throws(PostgresError) {
        let isTaken = inbox.withLock { inbox in
            if inbox.isFinished || (isNewWork && inbox.isClosing) { return false }
            wakeIfEmpty(&inbox)
            inbox.commands.append(command)
            return true
        }
        if !isTaken { throw PostgresError(.closed) }
    }

    /// - Returns: whether the thread will see it.
    @discardableResult
    func postUnlessFinished(_ command: Command) -> Bool {
        do throws(PostgresError) {
            try post(command)
            return true
        } catch {
            return false
        }
    }

    private func wakeIfEmpty(_ inbox: inout Inbox) {
        if inbox.reads.isEmpty && inbox.commands.isEmpty { linux_eventfd_signal(wakeUp) }
    }

    // MARK: for the thread

    /// Swaps the inbox's content with the (empty) arrays given, so that neither side allocates.
    func take(reads: inout [Request], commands: inout [Command]) {
        inbox.withLock { inbox in
            swap(&inbox.reads, &reads)
            swap(&inbox.commands, &commands)
            inbox.readsUnderWay += reads.count
        }
    }

    func publish(_ statistics: DatabaseStatistics) {
        inbox.withLock { inbox in
            inbox.statistics = statistics
            inbox.readsUnderWay = statistics.reads
        }
    }

    /// Nothing can be posted any more; returns what was posted too late.
    func finish() -> (reads: [Request], commands: [Command]) {
        inbox.withLock { inbox in
            inbox.isFinished = true
            defer {
                inbox.reads = []
                inbox.commands = []
            }
            return (inbox.reads, inbox.commands)
        }
    }
}
