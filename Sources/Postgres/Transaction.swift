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

/// A transaction under way. Valid only inside the closure that got it.
public final class Transaction: Sendable {
    private struct State {
        var hasBegun = false
        /// The first error of a statement: normally the server refuses all others from then on.
        var failure: PostgresError?
    }

    private let mode: TransactionMode
    private let lease: Lease
    private let loop: ConnectionLoop
    private let state = Mutex(State())

    init(_ mode: TransactionMode, lease: Lease, loop: ConnectionLoop) {
        self.mode = mode
        self.lease = lease
        self.loop = loop
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
        // BEGIN travels with the first statement.
        let isFirst = state.withLock { state in
            defer { state.hasBegun = true }
            return !state.hasBegun
        }
        do throws(PostgresError) {
            let results = try await loop.exchange(lease, isFirst ? [mode.begin] + statements : statements)
            return isFirst ? Array(results.dropFirst()) : results
        } catch {
            note(error)
            throw error
        }
    }

    /// Runs a script of several statements without parameters, without a time limit: only for migrations.
    public func runScript(_ script: [UInt8]) async throws(PostgresError) {
        try await pipeline(["SET LOCAL statement_timeout = 0"])
        do throws(PostgresError) {
            try await loop.runScript(lease, script)
        } catch {
            note(error)
            throw error
        }
    }

    private func note(_ error: PostgresError) {
        state.withLock { $0.failure = $0.failure ?? error }
    }

    /// - Throws: the first statement's error if the closure swallowed it: the server then answers COMMIT with a
    ///   rollback (unless the closure went back to a savepoint).
    func commit() async throws(PostgresError) {
        let (hasBegun, failure) = state.withLock { ($0.hasBegun, $0.failure) }
        if !hasBegun { return }
        do throws(PostgresError) {
            let tag = try await loop.commit(lease)
            if tag == "ROLLBACK" { throw failure ?? PostgresError(.connectionLost) }
        } catch {
            // A connection that was gone before the COMMIT went with the first error.
            throw error.outcomeUnknown ? error : failure ?? error
        }
    }

    func rollback() async {
        if state.withLock({ $0.hasBegun }) { await loop.rollback(lease) }
    }
}

/// Runs `body` between BEGIN and COMMIT on a connection that the caller holds.
nonisolated(nonsending) func runTransaction<Value: Sendable>(
    _ mode: TransactionMode, lease: Lease, loop: ConnectionLoop, _ body: (Transaction) async throws -> Value
) async throws -> Value {
    let transaction = Transaction(mode, lease: lease, loop: loop)
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
