public import FoundationEssentials
public import Postgres
import FailPoints
import Synchronization

/// The state of the outbox; ages in seconds.
public struct OutboxState: Sendable {
    public var unpublished = 0
    public var oldestUnpublished: Double?
    public var unshown = 0
    public var oldestUnshown: Double?
    public var relays = 0
}

/// Coordination between relays and writers: presence, partition leases, and whether to notify.
extension OutboxStore {
    /// Counts this session among the relays for as long as it lives.
    public func announceRelay(on session: Session) async throws {
        _ = try await session.query("SELECT pg_advisory_lock_shared(\(AdvisoryLock.relayPresence)::int, 0::int)")
    }

    /// The number and the oldest age of rows waiting for the broker and for browsers, and the number of relays.
    public func state(_ database: Database) async throws -> OutboxState {
        let rows = try await database.read(
            """
            SELECT count(*) FILTER (WHERE published_at IS NULL) AS unpublished,
                min(occurred_at) FILTER (WHERE published_at IS NULL) AS oldest_unpublished,
                count(*) FILTER (WHERE live_at IS NULL) AS unshown,
                min(occurred_at) FILTER (WHERE live_at IS NULL) AS oldest_unshown,
                (SELECT count(*) FROM (\(fragment: Self.relays)) relays) AS relays, now() AS at
            FROM outbox WHERE published_at IS NULL OR live_at IS NULL
            """)
        guard let row = rows.first else { return OutboxState() }
        let now = try row.decode("at", as: Date.self)
        return OutboxState(
            unpublished: try row.decode("unpublished"),
            oldestUnpublished: try row.decode("oldest_unpublished", as: Date?.self).map(now.timeIntervalSince),
            unshown: try row.decode("unshown"),
            oldestUnshown: try row.decode("oldest_unshown", as: Date?.self).map(now.timeIntervalSince),
            relays: try row.decode("relays"))
    }

    /// This session's rank among the relays, from 0, and their number, from which each computes its share.
    public func relayPlace(on session: Session) async throws -> (rank: Int, count: Int) {
        let rows = try await session.query(
            """
            SELECT count(*) FILTER (WHERE pid < pg_backend_pid()) AS rank, count(*) AS count
            FROM (\(fragment: Self.relays)) relays
            """)
        guard let row = rows.first else { return (0, 1) }
        return (try row.decode("rank"), try row.decode("count"))
    }

    private static let relays: SQL = """
        SELECT DISTINCT pid FROM pg_locks
        WHERE locktype = 'advisory' AND classid = \(AdvisoryLock.relayPresence)::int::oid AND objid = 0 AND objsubid = 2
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        """

    /// Releases partitions for another relay. None of their rows may be in flight.
    public func release(partitions: [Int], on session: Session) async throws {
        guard !partitions.isEmpty else { return }
        _ = try await session.query(
            """
            SELECT pg_advisory_unlock(\(AdvisoryLock.outboxLease)::int, partition)
            FROM unnest(\(partitions)::int[]) AS partition
            """)
    }

    /// Tells writers not to wake the relay of these partitions: it polls until it says otherwise.
    public func watch(partitions: [Int], on session: Session) async throws {
        _ = try await session.query(Self.setting(partitions, watched: true))
    }

    /// Tells writers to wake the relay of these partitions again. What they committed without notifying, because they
    /// checked before, is visible once ``isUnheardOver(_:on:)`` holds for the returned number.
    ///
    /// A transaction that does not see this change has its number already (it has inserted a row), which is below the
    /// next number to be assigned after this commit.
    public func stopWatching(partitions: [Int], on session: Session) async throws -> Int {
        _ = try await session.query(Self.setting(partitions, watched: false))
        let rows = try await session.query(
            "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS next")
        return try rows.first?.decode("next", as: Int.self) ?? 0
    }

    /// Whether every transaction with a number below `next` has ended.
    public func isUnheardOver(_ next: Int, on session: Session) async throws -> Bool {
        let rows = try await session.query(
            "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint >= \(next) AS over")
        return try rows.first?.decode("over", as: Bool.self) ?? false
    }

    private static func setting(_ partitions: [Int], watched: Bool) -> SQL {
        """
        INSERT INTO outbox_watch (partition, watched)
        SELECT partition, \(watched) FROM unnest(\(partitions)::smallint[]) AS partition
        ON CONFLICT (partition) DO UPDATE SET watched = excluded.watched
        """
    }

    /// Deletes the oldest rows of the event log, from before `time`; at most `limit`. Returns how many.
    ///
    /// Scans the oldest rows only, which needs no index by age on such a write-heavy table. Unpublished rows stay,
    /// however old, and are skipped.
    public func prune(before time: Date, limit: Int, on transaction: Transaction) async throws -> Int {
        try await transaction.query(
            """
            WITH oldest AS (
                SELECT id FROM outbox WHERE published_at IS NOT NULL AND live_at IS NOT NULL ORDER BY id LIMIT \(limit)
            )
            DELETE FROM outbox USING oldest WHERE outbox.id = oldest.id AND outbox.occurred_at < \(time)
            """
        ).affectedRows
    }

    /// Deletes finished jobs and live updates from before `time`: at most `limit`, or a few more. Facts stay. Returns
    /// how many.
    ///
    /// Scans the rows once, in order, and remembers its position, which needs no index. What is unfinished by then is
    /// deleted with the log.
    public func pruneDone(before time: Date, limit: Int, on transaction: Transaction) async throws -> Int {
        var removed = 0
        // If there are only facts, it continues for a while, but not forever.
        for _ in 0..<10 {
            let rows = try await transaction.query(
                """
                WITH step AS (
                    SELECT id, occurred_at FROM outbox WHERE id > (SELECT last_id FROM outbox_pruning)
                    ORDER BY id LIMIT \(limit)
                ), passed AS (
                    SELECT id FROM step
                    WHERE id < coalesce((SELECT min(id) FROM step WHERE occurred_at >= \(time)), 9223372036854775807)
                ), removed AS (
                    DELETE FROM outbox o USING passed
                    WHERE o.id = passed.id AND o.destination <> 'events'
                        AND o.published_at IS NOT NULL AND o.live_at IS NOT NULL
                    RETURNING o.id
                ), moved AS (
                    UPDATE outbox_pruning SET last_id = (SELECT max(id) FROM passed) WHERE EXISTS (SELECT FROM passed)
                )
                SELECT (SELECT count(*) FROM passed) AS passed, (SELECT count(*) FROM removed) AS removed
                """)
            guard let row = rows.first else { break }
            removed += try row.decode("removed", as: Int.self)
            let isOver = try row.decode("passed", as: Int.self) < limit
            if removed >= limit || isOver { break }
        }
        return removed
    }
}

/// Fault injection into the relay's claim, to show the harm. Empty in release builds.
extension OutboxStore {
    private static let highestSeen = Atomic<Int>(0)

    /// Empty; for the mutant `last-id`, a condition that skips late commits.
    static var mutantCursor: SQL {
        FailPoint.mutates(.lastID) ? "AND id > \(highestSeen.load(ordering: .relaxed))" : ""
    }

    static func mutate(_ rows: [OutboxRow], on transaction: Transaction) async throws {
        if FailPoint.mutates(.lastID), let last = rows.map(\.rowID).max() {
            highestSeen.store(last, ordering: .relaxed)
        }
        // Claimed rows are invisible: no other relay sees them, and each publishes its own when it gets to them.
        if FailPoint.mutates(.skipLocked) {
            _ = try await transaction.query(
                "UPDATE outbox SET published_at = now() WHERE id = ANY(\(rows.map(\.rowID)))")
        }
    }
}
