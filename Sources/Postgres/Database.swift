public import Logging
import Synchronization

/// A PostgreSQL database: pipelined reads, pooled transactions, sessions and notifications.
///
/// All its connections belong to one thread of its own, which drives libpq without blocking; callers only exchange
/// requests with it. It connects when first needed, and again whenever a connection is lost.
public final class Database: Sendable {
    let loop: ConnectionLoop
    /// Of lists and reports; nil until the first.
    private let lists = Mutex<ConnectionLoop?>(nil)
    private let logger: Logger

    /// Never fails because the server is away: requests do.
    public init(_ settings: DatabaseSettings, logger: Logger) {
        self.logger = logger
        loop = ConnectionLoop(settings, logger: logger)
    }

    deinit {
        loop.abandon()
        lists.withLock { $0?.abandon() }
    }

    /// Runs one read-only statement on a connection shared with other reads, pipelined with them.
    ///
    /// The server refuses writes here (SQLSTATE 25006): use `execute` or `transaction`. When the connection is lost the
    /// read is tried once more on a new one.
    ///
    /// - Throws: among others `.poolExhausted` when more than `maximumWaiting` reads are waiting.
    public func read(_ sql: SQL) async throws(PostgresError) -> QueryResult {
        try await loop.read(sql)
    }

    /// The same for what reads many rows: on connections of their own, so that nobody's quick read waits behind a list or a
    /// report, and with a time limit of their own.
    ///
    /// - Throws: among others `.timedOut` after `listTimeout`, `.poolExhausted` beyond `maximumWaitingLists`.
    public func list(_ sql: SQL) async throws(PostgresError) -> QueryResult {
        let lists = lists.withLock { lists in
            let loop = lists ?? ConnectionLoop(loop.settings.forLists, logger: logger)
            lists = loop
            return loop
        }
        return try await lists.read(sql)
    }

    /// Runs one statement and commits it, in one round trip, on a pooled connection.
    ///
    /// Once sent it is not cancelled with the task, so that its outcome is known.
    @discardableResult
    public func execute(_ sql: SQL) async throws(PostgresError) -> QueryResult {
        try await execute([sql])[0]
    }

    /// Runs the statements as one transaction (READ COMMITTED, each with its own snapshot) in one round trip.
    ///
    /// Once sent it is not cancelled with the task, so that its outcome is known. It is not retried.
    @discardableResult
    public func execute(_ statements: [SQL]) async throws(PostgresError) -> [QueryResult] {
        try await loop.execute(statements)
    }

    /// Runs `body` in a transaction on a connection of its own: commits when it returns, rolls back when it throws.
    ///
    /// A transaction that fails for serialization (SQLSTATE 40001) or deadlock (40P01) is rolled back and `body` is
    /// run again, up to three times: it must have no effect outside of the transaction.
    ///
    /// - Throws: what `body` throws; a `PostgresError` with `outcomeUnknown` when the connection is lost during COMMIT.
    @discardableResult
    public nonisolated(nonsending) func transaction<Value: Sendable>(
        _ mode: TransactionMode = .readCommitted, _ body: (Transaction) async throws -> Value
    ) async throws -> Value {
        try await retryingSerializationFailures {
            try await runTransaction(Transaction(mode, lease: nil, loop: loop), body)
        }
    }

    /// Runs `body` with a connection of its own outside of the pool: for advisory locks and migrations.
    ///
    /// When the connection is lost, `body`'s task is cancelled at once (whatever the connection held, such as a lock,
    /// is gone) and `.connectionLost` is thrown once it has returned.
    @discardableResult
    public func session<Value: Sendable>(
        _ body: @escaping @Sendable (Session) async throws -> Value
    ) async throws -> Value {
        let lease = try await loop.openSession()
        defer { loop.release(lease) }
        let session = Session(lease: lease, loop: loop)
        return try await withThrowingTaskGroup(of: Value?.self) { group in
            group.addTask { try await body(session) }
            group.addTask { [loop] in
                try await loop.waitForLoss(of: lease)
                return nil
            }
            defer { group.cancelAll() }
            guard let result = try await group.next() ?? nil else { throw PostgresError(.connectionLost) }
            return result
        }
    }

    /// What other sessions `NOTIFY` on the channels, with the connection's ups and downs, for as long as it is iterated.
    ///
    /// Reconnects for ever. At most 1,024 events wait for a slow reader; beyond it they are replaced by one
    /// `.connected`, which always means: something may have been missed, look for yourself.
    public func notifications(on channels: [String]) -> NotificationSequence {
        NotificationSequence(loop: loop, channels: channels)
    }

    /// Finishes what is under way (for at most the query timeout), then closes every connection. Sessions and
    /// notifications end at once.
    public func close() async {
        await loop.close()
        await lists.withLock { $0 }?.close()
    }

    /// The state of the connections now, for metrics.
    public var statistics: DatabaseStatistics { loop.statistics }
}

/// A count of connections and of who waits for them.
public struct DatabaseStatistics: Sendable, Equatable {
    /// Connections for reads that are up.
    public var readConnections = 0
    /// Reads waiting or under way.
    public var reads = 0
    /// Connections for transactions that are up, in use or not.
    public var open = 0
    /// Of them, those not in use.
    public var idle = 0
    /// Transactions waiting for a connection.
    public var waiting = 0
    public var sessions = 0
    public var listeners = 0
    /// Connections made since the start.
    public var connectionsMade = 0
    /// Connections lost since the start, by whatever cause but closing.
    public var connectionsLost = 0
}
