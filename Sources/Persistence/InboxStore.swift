public import Domain
public import Postgres

/// Which consumer has had which message.
public struct InboxStore: Sendable {
    public init() {}

    /// Writes the message down for this consumer; false when it was there already, and the effect with it.
    ///
    /// Two deliveries at once: the second waits here for the first one's commit.
    public func record(_ message: MessageID, consumer: String, on transaction: Transaction) async throws -> Bool {
        try await transaction.query(
            """
            INSERT INTO inbox (consumer, message_id) VALUES (\(consumer), \(message))
            ON CONFLICT DO NOTHING
            """
        ).affectedRows == 1
    }
}
