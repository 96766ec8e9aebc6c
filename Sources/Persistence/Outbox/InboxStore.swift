public import Domain
public import FoundationEssentials
public import Postgres
import FailPoints

/// Which consumer has had which message.
public struct InboxStore: Sendable {
    public init() {}

    /// Writes the message down for this consumer; false when it was there already, and the effect with it.
    ///
    /// Two deliveries at once: the second waits here for the first one's commit.
    public func record(_ message: MessageID, consumer: String, on transaction: Transaction) async throws -> Bool {
        try await record([message], consumer: consumer, on: transaction).contains(message)
    }

    /// Writes messages down for this consumer, and returns those that were not there already.
    public func record(
        _ messages: [MessageID], consumer: String, on transaction: Transaction
    ) async throws -> Set<MessageID> {
        if FailPoint.mutates(.noInbox) { return Set(messages) }
        // In the order of their key: two batches with the same messages wait for each other, and don't deadlock.
        let fresh = try await transaction.query(
            """
            INSERT INTO inbox (consumer, message_id)
            SELECT \(consumer), message_id FROM unnest(\(messages)::uuid[]) AS message_id ORDER BY message_id
            ON CONFLICT DO NOTHING
            RETURNING message_id
            """)
        return Set(try fresh.map { try $0.decode("message_id", as: MessageID.self) })
    }

    /// Removes what was handled before `time`; at most `limit` rows. Returns how many those were.
    ///
    /// Longer than any message is under way: what comes again after that is done again.
    public func prune(before time: Date, limit: Int, on transaction: Transaction) async throws -> Int {
        try await transaction.query(
            """
            DELETE FROM inbox WHERE (consumer, message_id) IN (
                SELECT consumer, message_id FROM inbox WHERE processed_at < \(time) ORDER BY processed_at LIMIT \(limit))
            """
        ).affectedRows
    }
}
