public import Domain
public import FoundationEssentials
public import Postgres
import FailPoints

/// The inbox: which consumer has handled which message.
public struct InboxStore: Sendable {
    public init() {}

    /// Records the message for this consumer; false if it was there already, along with its effect.
    ///
    /// For concurrent deliveries, the second waits here for the first one's commit.
    public func record(_ message: MessageID, consumer: String, on transaction: Transaction) async throws -> Bool {
        try await record([message], consumer: consumer, on: transaction).contains(message)
    }

    /// Records messages for this consumer, and returns the new ones.
    public func record(
        _ messages: [MessageID], consumer: String, on transaction: Transaction
    ) async throws -> Set<MessageID> {
        if FailPoint.mutates(.noInbox) { return Set(messages) }
        // In the order of their key: two batches with the same messages wait for each other instead of deadlocking.
        let fresh = try await transaction.query(
            """
            INSERT INTO inbox (consumer, message_id)
            SELECT \(consumer), message_id FROM unnest(\(messages)::uuid[]) AS message_id ORDER BY message_id
            ON CONFLICT DO NOTHING
            RETURNING message_id
            """)
        return Set(try fresh.map { try $0.decode("message_id", as: MessageID.self) })
    }

    /// Deletes what was handled before `time`; at most `limit` rows. Returns how many.
    ///
    /// The retention exceeds the lifetime of any message: one redelivered after that would be handled again.
    public func prune(before time: Date, limit: Int, on transaction: Transaction) async throws -> Int {
        try await transaction.query(
            """
            DELETE FROM inbox WHERE (consumer, message_id) IN (
                SELECT consumer, message_id FROM inbox WHERE processed_at < \(time) ORDER BY processed_at LIMIT \(limit))
            """
        ).affectedRows
    }
}
