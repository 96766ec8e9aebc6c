public import Domain
public import FoundationEssentials
public import Postgres

/// Messages that were redelivered because their worker died before settling them, and that may have killed it.
public struct SuspectStore: Sendable {
    let database: Database

    public init(_ database: Database) { self.database = database }

    /// Counts another start of the message, committed before the start; returns the total.
    public func noteStart(of message: MessageID, consumer: String) async throws -> Int {
        let rows = try await database.execute(
            """
            INSERT INTO suspects (consumer, message_id, starts) VALUES (\(consumer), \(message), 1)
            ON CONFLICT (consumer, message_id) DO UPDATE SET starts = suspects.starts + 1, started_at = now()
            RETURNING starts
            """)
        return try rows.first?.decode("starts", as: Int.self) ?? 1
    }

    /// Clears the message: it is settled, or its worker survived it.
    public func clear(_ message: MessageID, consumer: String) async throws {
        try await database.execute(
            "DELETE FROM suspects WHERE consumer = \(consumer) AND message_id = \(message)")
    }

    /// Deletes suspects last started before `time`; at most `limit` rows. Returns how many.
    public func prune(before time: Date, limit: Int, on transaction: Transaction) async throws -> Int {
        try await transaction.query(
            """
            DELETE FROM suspects WHERE (consumer, message_id) IN (
                SELECT consumer, message_id FROM suspects WHERE started_at < \(time) LIMIT \(limit))
            """
        ).affectedRows
    }
}
