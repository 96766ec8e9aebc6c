public import FoundationEssentials
public import Postgres

extension WebhookStore {
    /// Scans the log in steps, each its own transaction: ``reconcile(since:after:limit:isTrial:now:on:)``.
    ///
    /// - Parameter row: where to begin; 0 for the whole log.
    /// - Returns: how many deliveries were missing.
    public func reconcile(since: Date, from row: Int = 0, isTrial: Bool) async throws -> Int {
        var (row, missing) = (row, 0)
        while true {
            let step = try await database.transaction { [row] transaction in
                try await reconcile(
                    since: since, after: row, limit: 5000, isTrial: isTrial, now: Date(), on: transaction)
            }
            missing += step.missing
            guard let last = step.last else { return missing }
            row = last
        }
    }

    /// Plans deliveries of published facts that were never planned, because the broker lost them: the log itself is the
    /// queue.
    ///
    /// A subscription that was paused at the time, and no longer is, gets what it missed.
    /// - Parameters:
    ///   - since: older facts are skipped; must be within the retention period.
    ///   - row: where the previous step ended; 0 to begin.
    ///   - isTrial: only counts.
    /// - Returns: the last row scanned, nil if there was none left, and how many deliveries were missing.
    public func reconcile(
        since: Date, after row: Int, limit: Int, isTrial: Bool, now: Date, on transaction: Transaction
    ) async throws -> (last: Int?, missing: Int) {
        let looked = try await transaction.query(
            "SELECT max(id) AS last FROM (SELECT id FROM outbox WHERE id > \(row) ORDER BY id LIMIT \(limit)) looked")
        guard let last = try looked.first?.decode("last", as: Int?.self) else { return (nil, 0) }
        let missing: SQL = """
            SELECT s.id AS subscription_id, fact.* FROM (
                SELECT id, message_id, type, event_id, owner_id, sequence, occurred_at AS at FROM outbox
                WHERE id > \(row) AND id <= \(last) AND destination = 'events' AND published_at IS NOT NULL
                    AND occurred_at >= \(since)
            ) fact
            CROSS JOIN LATERAL (\(fragment: Self.wanting)) s
            JOIN users u ON \(fragment: Self.mayWant)
            WHERE NOT EXISTS (
                SELECT FROM webhook_deliveries d WHERE d.subscription_id = s.id AND d.message_id = fact.message_id)
            """
        if isTrial {
            let counted = try await transaction.query("SELECT count(*) AS count FROM (\(fragment: missing)) missing")
                .first
            return (last, try counted?.decode("count") ?? 0)
        }
        let planned = try await transaction.query(
            """
            INSERT INTO webhook_deliveries
                (id, subscription_id, message_id, event_id, sequence, type, created_at, next_attempt_at)
            SELECT gen_random_uuid(), subscription_id, message_id, event_id, sequence, type, turn.at, turn.at
            FROM (\(fragment: missing)) missing
            CROSS JOIN LATERAL (
                SELECT \(now)::timestamptz + (missing.id - \(last)) * interval '1 microsecond' AS at
            ) turn
            ON CONFLICT (subscription_id, message_id) WHERE NOT is_extra DO NOTHING
            """)
        return (last, planned.affectedRows)
    }
}
