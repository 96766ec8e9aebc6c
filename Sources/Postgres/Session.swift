/// A connection of its own, each statement committed by itself. Valid only inside the closure that got it.
public final class Session: Sendable {
    private let lease: Lease
    private let loop: ConnectionLoop

    init(lease: Lease, loop: ConnectionLoop) {
        self.lease = lease
        self.loop = loop
    }

    /// Runs and commits one statement.
    @discardableResult
    public func query(_ sql: SQL) async throws(PostgresError) -> QueryResult {
        try await pipeline([sql])[0]
    }

    /// Runs the statements in one round trip, as one transaction.
    @discardableResult
    public func pipeline(_ statements: [SQL]) async throws(PostgresError) -> [QueryResult] {
        if statements.isEmpty { return [] }
        return try await loop.exchange(lease, statements, commits: true)
    }

    /// Runs `body` in a transaction on this connection. Nothing else may use the session meanwhile.
    @discardableResult
    public nonisolated(nonsending) func transaction<Value: Sendable>(
        _ mode: TransactionMode = .readCommitted, _ body: (Transaction) async throws -> Value
    ) async throws -> Value {
        try await retryingSerializationFailures {
            try await runTransaction(Transaction(mode, lease: lease, loop: loop), body)
        }
    }

    /// Runs a script of statements without parameters, without a time limit: only for migrations. Several statements
    /// in one script are one transaction, unless the script says otherwise.
    public func runScript(_ script: [UInt8]) async throws(PostgresError) {
        try await query("SET statement_timeout = 0")
        try await loop.runScript(lease, script)
        try await query("RESET statement_timeout")
    }
}
