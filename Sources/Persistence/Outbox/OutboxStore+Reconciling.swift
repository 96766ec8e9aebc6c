public import Domain
public import FoundationEssentials
public import Postgres

/// A type of message that one of our workers must have.
public struct OwedMessage: Sendable, Hashable {
    public var destination: Destination
    public var type: String
    /// The worker's name in the inbox.
    public var consumer: String

    public init(destination: Destination, type: String, consumer: String) {
        self.destination = destination
        self.type = type
        self.consumer = consumer
    }
}

/// The result of a step of ``OutboxStore/reconcile(_:since:after:limit:isTrial:on:)``.
public struct ReconciliationStep: Sendable {
    /// The last row scanned; nil if there was none left.
    public var last: Int?
    /// Rows to be republished, by type.
    public var again: [String: Int] = [:]
}

extension OutboxStore {
    /// Has published messages republished that not all of their workers are known to have handled: what a broker
    /// without its queues has lost. Ids and sequences stay, so that duplicates are detected.
    ///
    /// - Parameters:
    ///   - since: older messages are skipped. The inbox is pruned, so this must be within its retention.
    ///   - row: where the previous step ended; 0 to begin.
    ///   - limit: how many rows to scan.
    ///   - isTrial: only counts.
    ///   - isForWorkersAlone: no one else lost anything, so no one else gets them again.
    public func reconcile(
        _ owed: [OwedMessage], since: Date, after row: Int, limit: Int, isTrial: Bool = false,
        isForWorkersAlone: Bool = false, on transaction: Transaction
    ) async throws -> ReconciliationStep {
        let looked = try await transaction.query(
            "SELECT max(id) AS last FROM (SELECT id FROM outbox WHERE id > \(row) ORDER BY id LIMIT \(limit)) looked")
        guard let last = try looked.first?.decode("last", as: Int?.self) else { return ReconciliationStep() }
        let missing: SQL = """
            SELECT DISTINCT o.id, o.type FROM outbox o
            JOIN unnest(
                \(owed.map(\.destination))::text[], \(owed.map(\.type))::text[], \(owed.map(\.consumer))::text[])
                AS owed (destination, type, consumer) USING (destination, type)
            WHERE o.id > \(row) AND o.id <= \(last) AND o.published_at IS NOT NULL AND o.occurred_at >= \(since)
                AND NOT EXISTS (
                    SELECT FROM inbox i WHERE i.consumer = owed.consumer AND i.message_id = o.message_id)
            """
        let changes: SQL =
            isTrial
            ? "SELECT type FROM missing"
            : """
            UPDATE outbox SET published_at = NULL, is_repeated = \(isForWorkersAlone)
            FROM missing WHERE outbox.id = missing.id RETURNING outbox.type
            """
        let rows = try await transaction.query(
            """
            WITH missing AS (\(fragment: missing)), changed AS (\(fragment: changes))
            SELECT type, count(*) AS count FROM changed GROUP BY type
            """)
        var step = ReconciliationStep(last: last)
        for row in rows { step.again[try row.decode("type")] = try row.decode("count", as: Int.self) }
        return step
    }

    /// The row before the first one written since then; approximate, because rows are written nearly in the clock's
    /// order. Scans back from the newest row.
    public func row(before time: Date, on transaction: Transaction) async throws -> Int {
        try await transaction.query(
            """
            SELECT coalesce(max(id), 0) AS id FROM (
                SELECT id, occurred_at FROM outbox WHERE occurred_at < \(time) ORDER BY id DESC LIMIT 1
            ) before
            """
        ).first?.decode("id") ?? 0
    }
}
