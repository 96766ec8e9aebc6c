import Domain
import FoundationEssentials
import Postgres

/// The statements around an event's capacity row: lock it, read behind the lock, write it back.
///
/// Isolation is READ COMMITTED. The lock is a statement of its own, because a statement that waits for a lock continues
/// with its snapshot from before the wait: it would read stale values of the event's status and the waitlist.
/// Everything that takes or frees a spot holds this lock until its commit, so whatever is read behind it stays true
/// until then. See the decision record `0002-one-row-decides`.
enum CapacityRow {
    /// The guards that keep an event from being oversold, besides the table's CHECK. Tests remove them to show the
    /// harm.
    struct Guards: OptionSet, Sendable {
        let rawValue: Int

        /// The row's lock, held from before the read to the commit.
        static let lock = Guards(rawValue: 1)
        /// The condition in the UPDATE.
        static let condition = Guards(rawValue: 2)
        /// The check that a capacity which was not read is as expected.
        static let expectation = Guards(rawValue: 4)
        /// The lock of the tickets of canceled registrations, so that no scan of theirs is missed.
        static let tickets = Guards(rawValue: 8)
        /// The lock of the registrations whose tickets are revoked with their event, so that no ticket being issued is missed.
        static let holders = Guards(rawValue: 16)
        static let all: Guards = [.lock, .condition, .expectation, .tickets, .holders]
    }

    /// What to do about a row that is locked by someone else.
    enum Contention: Sendable {
        case wait
        /// Skip it: its event is missing from the result.
        case skip
        /// Fail: SQLSTATE 55P03.
        case fail
    }

    /// Locks the rows in the order of their key, which avoids deadlocks, and returns which were locked.
    static func lock(_ events: [EventID], onContention: Contention, guards: Guards) -> SQL {
        // NO KEY UPDATE: as strong as the UPDATE that follows, and compatible with foreign key checks.
        let lock: SQL =
            switch (guards.contains(.lock), onContention) {
            case (false, _): ""
            case (true, .wait): "FOR NO KEY UPDATE"
            case (true, .skip): "FOR NO KEY UPDATE SKIP LOCKED"
            case (true, .fail): "FOR NO KEY UPDATE NOWAIT"
            }
        return """
            SELECT event_id FROM event_places WHERE event_id = ANY(\(events)) ORDER BY event_id \(fragment: lock)
            """
    }

    static func read(_ events: [EventID]) -> SQL {
        """
        SELECT e.id, e.version, e.owner_id, e.status, e.ends_at, e.registration_opens_at, e.registration_closes_at,
            e.promote_after_close, e.waitlist_enabled, p.revision, p.confirmed, p.waitlisted, p.capacity,
            p.capacity_target, p.last_line_number
        FROM events e JOIN event_places p ON p.event_id = e.id WHERE e.id = ANY(\(events))
        """
    }

    static func capacity(_ row: Row) throws -> EventCapacity {
        let window = RegistrationWindow(
            status: try row.decode("status"), endsAt: try row.decode("ends_at"),
            opensAt: try row.decode("registration_opens_at"), closesAt: try row.decode("registration_closes_at"),
            promoteAfterClose: try row.decode("promote_after_close"))
        return EventCapacity(
            eventID: try row.decode("id"), ownerID: try row.decode("owner_id"), window: window,
            waitlistEnabled: try row.decode("waitlist_enabled"), places: try EventStore.places(row),
            capacityTarget: try row.decode("capacity_target"), lastLineNumber: try row.decode("last_line_number"))
    }

    /// Locks one event's row and reads it; nil for an unknown event.
    static func locked(_ event: EventID, guards: Guards = .all, on transaction: Transaction) async throws
        -> EventCapacity?
    {
        try await transaction.pipeline([lock([event], onContention: .wait, guards: guards), read([event])])[1]
            .first.map(capacity)
    }

    static func waitlistFront(of event: EventID, _ number: Int) -> SQL {
        """
        SELECT event_id, id, user_id, line_number, created_at FROM registrations
        WHERE event_id = \(event) AND status = 'waitlisted' ORDER BY line_number LIMIT \(number)
        """
    }

    static func waitlistEntry(_ row: Row) throws -> WaitlistEntry {
        WaitlistEntry(
            registrationID: try row.decode("id"), userID: try row.decode("user_id"),
            lineNumber: try row.decode("line_number"), createdAt: try row.decode("created_at"))
    }

    /// Reads the front of each waitlist, as many entries as requested.
    static func waitlistFronts(_ needed: [(event: EventID, count: Int)], on transaction: Transaction) async throws
        -> [EventID: [WaitlistEntry]]
    {
        guard !needed.isEmpty else { return [:] }
        let rows = try await transaction.query(
            """
            SELECT first.* FROM unnest(\(needed.map(\.event))::uuid[], \(needed.map(\.count))::int[])
                AS wanted (event_id, number)
            CROSS JOIN LATERAL (
                SELECT event_id, id, user_id, line_number, created_at FROM registrations
                WHERE event_id = wanted.event_id AND status = 'waitlisted' ORDER BY line_number LIMIT wanted.number
            ) first
            ORDER BY first.event_id, first.line_number
            """)
        var waitlistFronts: [EventID: [WaitlistEntry]] = [:]
        for row in rows {
            waitlistFronts[try row.decode("event_id"), default: []].append(try waitlistEntry(row))
        }
        return waitlistFronts
    }

    /// Writes back what changed. The condition repeats what the lock guarantees, and the table's CHECK repeats it
    /// again; if a row doesn't satisfy it, the statement fails as a whole (``CapacityChanged``), so that the commit can
    /// be pipelined right behind it.
    static func update(_ changes: [(before: EventCapacity, after: EventCapacity)], guards: Guards) -> SQL {
        update(changes, expectation: "", guards: guards)
    }

    /// The same for a capacity that was not read in this transaction: it must be as expected, including its revision
    /// and the version of its event.
    static func update(from before: EventCapacity, to after: EventCapacity, version: Int, guards: Guards) -> SQL {
        let expectation: SQL = """
            AND p.revision = \(before.places.revision)
            AND EXISTS (SELECT FROM events e WHERE e.id = p.event_id AND e.version = \(version))
            """
        return update(
            [(before, after)], expectation: guards.contains(.expectation) ? expectation : "", guards: guards)
    }

    private static func update(
        _ changes: [(before: EventCapacity, after: EventCapacity)], expectation: SQL, guards: Guards
    ) -> SQL {
        let condition: SQL =
            guards.contains(.condition)
            ? "AND p.confirmed + change.confirmed <= p.capacity + change.capacity" : ""
        return """
            WITH written AS (
            UPDATE event_places p SET
                confirmed = p.confirmed + change.confirmed, waitlisted = p.waitlisted + change.waitlisted,
                capacity = p.capacity + change.capacity, capacity_target = change.target,
                last_line_number = greatest(last_line_number, change.line), revision = p.revision + change.revision
            FROM unnest(
                \(changes.map(\.before.eventID))::uuid[],
                \(changes.map { $0.after.places.confirmed - $0.before.places.confirmed })::int[],
                \(changes.map { $0.after.places.waitlisted - $0.before.places.waitlisted })::int[],
                \(changes.map { $0.after.places.capacity - $0.before.places.capacity })::int[],
                \(changes.map(\.after.capacityTarget))::int[],
                \(changes.map(\.after.lastLineNumber))::bigint[],
                \(changes.map { $0.after.places.revision - $0.before.places.revision })::bigint[])
                AS change (event_id, confirmed, waitlisted, capacity, target, line, revision)
            WHERE p.event_id = change.event_id \(fragment: condition) \(fragment: expectation)
            RETURNING p.event_id
            )
            SELECT 1 / (CASE WHEN count(*) = \(changes.count) THEN 1 ELSE 0 END) FROM written
            """
    }
}

/// A capacity row was changed without its lock, or is not as expected: everything is rolled back.
struct CapacityChanged: Error {
    /// `division_by_zero`, which only ``CapacityRow/update(_:guards:)`` provokes.
    static let sqlState = "22012"
}
