import Synchronization

/// The isolation level of a transaction (PostgreSQL manual, "Transaction Isolation").
public enum TransactionMode: Sendable {
    case readCommitted
    case repeatableRead
    case serializable
    /// READ COMMITTED that may not write.
    case readOnly
    /// REPEATABLE READ that may not write: all its statements see the database as it was at the first one.
    case snapshot

    var begin: SQL {
        switch self {
        case .readCommitted: "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
        case .repeatableRead: "BEGIN ISOLATION LEVEL REPEATABLE READ READ WRITE"
        case .serializable: "BEGIN ISOLATION LEVEL SERIALIZABLE READ WRITE"
        case .readOnly: "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY"
        case .snapshot: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
        }
    }
}

/// A transaction under way. Valid only inside the closure that got it, and for one call at a time.
public final class Transaction: Sendable {
    private struct State {
        var lease: Lease?
        /// Whether the connection is the transaction's own, to be given back.
        var ownsLease = false
        var hasBegun = false
        /// Committed, or rolled back.
        var isOver = false
        /// The first error of a statement: normally the server refuses all others from then on.
        var failure: PostgresError?
    }

    private let mode: TransactionMode
    private let loop: ConnectionLoop
    private let state: Mutex<State>

    /// - Parameter lease: the caller's connection; nil to take one from the pool with the first statement.
    init(_ mode: TransactionMode, lease: Lease?, loop: ConnectionLoop) {
        self.mode = mode
        self.loop = loop
        state = Mutex(State(lease: lease))
    }

    /// Runs one statement.
    @discardableResult
    public func query(_ sql: SQL) async throws(PostgresError) -> QueryResult {
        try await pipeline([sql])[0]
    }

    /// Runs the statements in order, in one round trip. The first one that fails fails them all.
    @discardableResult
    public func pipeline(_ statements: [SQL]) async throws(PostgresError) -> [QueryResult] {
        if statements.isEmpty { return [] }
        do throws(PostgresError) {
            return try await exchange(statements)
        } catch {
            note(error)
            throw error
        }
    }

    /// Runs the statements in order and commits, in one round trip: the last thing that a transaction does. The first
    /// statement that fails fails them all, and nothing is committed.
    ///
    /// Not cancelled with the task, so that the outcome is known.
    @discardableResult
    public func commit(after statements: [SQL]) async throws(PostgresError) -> [QueryResult] {
        let lease = state.withLock { $0.hasBegun && !$0.isOver ? $0.lease : nil }
        guard let lease else {
            let results = try await pipeline(statements)
            try await commit()
            state.withLock { $0.isOver = true }
            return results
        }
        do throws(PostgresError) {
            let (results, tag) = try await loop.commit(lease, after: statements)
            if tag == "ROLLBACK" { throw state.withLock(\.failure) ?? PostgresError(.connectionLost) }
            state.withLock { $0.isOver = true }
            return results
        } catch {
            note(error)
            throw error
        }
    }

    /// Runs a script of several statements without parameters, without a time limit: only for migrations.
    public func runScript(_ script: [UInt8]) async throws(PostgresError) {
        try await pipeline(["SET LOCAL statement_timeout = 0"])
        do throws(PostgresError) {
            guard let lease = state.withLock(\.lease) else { throw PostgresError(.closed) }
            try await loop.runScript(lease, script)
        } catch {
            note(error)
            throw error
        }
    }

    /// BEGIN travels with the first statement, and so does the request for a connection.
    private func exchange(_ statements: [SQL]) async throws(PostgresError) -> [QueryResult] {
        let (lease, isFirst, isOver) = state.withLock { state in
            defer { state.hasBegun = true }
            return (state.lease, !state.hasBegun, state.isOver)
        }
        if isOver { throw PostgresError(.closed) }
        guard isFirst else {
            // Begun without a connection: the pool had none.
            guard let lease else { throw PostgresError(.connectionLost) }
            return try await loop.exchange(lease, statements)
        }
        if let lease { return Array(try await loop.exchange(lease, [mode.begin] + statements).dropFirst()) }
        let (taken, results) = await loop.begin([mode.begin] + statements)
        state.withLock { state in
            state.lease = taken
            state.ownsLease = taken != nil
        }
        return Array(try results.get().dropFirst())
    }

    private func note(_ error: PostgresError) {
        state.withLock { $0.failure = $0.failure ?? error }
    }

    /// - Throws: the first statement's error if the closure swallowed it: the server then answers COMMIT with a
    ///   rollback (unless the closure went back to a savepoint).
    fileprivate func commit() async throws(PostgresError) {
        let (lease, hasBegun, isOver, failure) = state.withLock { ($0.lease, $0.hasBegun, $0.isOver, $0.failure) }
        if !hasBegun || isOver { return }
        guard let lease else { throw failure ?? PostgresError(.connectionLost) }
        do throws(PostgresError) {
            if try await loop.commit(lease).tag == "ROLLBACK" { throw failure ?? PostgresError(.connectionLost) }
        } catch {
            // A connection that was gone before the COMMIT went with the first error.
            throw error.outcomeUnknown ? error : failure ?? error
        }
    }

    fileprivate func rollback() async {
        let lease = state.withLock { $0.hasBegun && !$0.isOver ? $0.lease : nil }
        if let lease { await loop.rollback(lease) }
    }

    /// Whatever comes later is refused, and the connection goes back to the pool.
    fileprivate func end() {
        let lease = state.withLock { state in
            state.isOver = true
            return state.ownsLease ? state.lease : nil
        }
        if let lease { loop.release(lease) }
    }
}

/// Runs `body` between BEGIN and COMMIT.
nonisolated(nonsending) func runTransaction<Value: Sendable>(
    _ transaction: Transaction, _ body: (Transaction) async throws -> Value
) async throws -> Value {
    defer { transaction.end() }
    let result: Value
    do {
        result = try await body(transaction)
    } catch {
        await transaction.rollback()
        throw error
    }
    try await transaction.commit()
    return result
}

/// Runs `attempt` again, up to three times with growing jittered pauses, when the server chose it as the victim of a
/// conflict.
nonisolated(nonsending) func retryingSerializationFailures<Value: Sendable>(
    _ attempt: () async throws -> Value
) async throws -> Value {
    for pause in [10, 40, 160] {
        do {
            return try await attempt()
        } catch let error as PostgresError where error.asksForAnotherTransaction {
            do {
                try await Task.sleep(for: .milliseconds(Int.random(in: pause / 2...pause)))
            } catch {
                throw PostgresError(.cancelled)
            }
        }
    }
    return try await attempt()
}

extension PostgresError {
    /// Whether the transaction was rolled back for no fault of its own: a conflict with another one, or a statement
    /// prepared before a migration.
    var asksForAnotherTransaction: Bool {
        guard case .server(let error) = kind else { return false }
        return error.sqlState == "40001" || error.sqlState == "40P01" || error.isStalePlan
    }
}
