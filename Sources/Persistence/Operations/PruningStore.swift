public import Postgres

/// Deletes expired rows: a little at a time, and by one process at a time.
public struct PruningStore: Sendable {
    /// Deletes at most `limit` rows in one or two statements, and returns how many.
    public typealias Step = @Sendable (_ limit: Int, _ transaction: Transaction) async throws -> Int

    let database: Database

    public init(_ database: Database) { self.database = database }

    /// Takes one step in its own transaction; nil if another process is doing it.
    public func take(_ step: Step, limit: Int) async throws -> Int? {
        try await database.transaction { transaction in
            let held = try await transaction.query("SELECT pg_try_advisory_xact_lock(\(AdvisoryLock.pruning)) AS held")
                .first
            guard let held, try held.decode("held", as: Bool.self) else { return nil }
            return try await step(limit, transaction)
        }
    }
}
