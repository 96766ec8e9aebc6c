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
        if FailPoint.mutates(.noInbox) { return true }
        return try await transaction.query(
            """
            INSERT INTO inbox (consumer, message_id) VALUES (\(consumer), \(message))
            ON CONFLICT DO NOTHING
            """
        ).affectedRows == 1
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
