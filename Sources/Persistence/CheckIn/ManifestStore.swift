public import Domain
public import FoundationEssentials
public import Postgres

/// What an offline gate needs to know about one ticket.
public struct ManifestTicket: Sendable, Equatable {
    public enum State: String, Sendable {
        case valid, revoked, checkedIn
    }

    public var id: TicketID
    public var issue: Int
    public var code: String
    public var holderName: String
    public var state: State
    public var firstScanAt: Date?
    public var firstScanGate: String?
}

/// The transactions that had committed at the time of a read: a PostgreSQL snapshot.
public struct DatabaseSnapshot: Sendable, Hashable {
    /// All transactions below have ended.
    public var oldest: UInt64
    /// No transaction from here on had begun.
    public var next: UInt64
    /// The transactions in progress in between, in ascending order.
    public var underWay: [UInt64]

    /// - Returns: nil for values that PostgreSQL would not accept either.
    public init?(oldest: UInt64, next: UInt64, underWay: [UInt64]) {
        guard oldest > 0, oldest <= next, next < 1 << 63, underWay.first.map({ $0 >= oldest }) ?? true,
            underWay.last.map({ $0 < next }) ?? true, zip(underWay, underWay.dropFirst()).allSatisfy(<)
        else { return nil }
        (self.oldest, self.next, self.underWay) = (oldest, next, underWay)
    }

    /// Parses the text form of `pg_snapshot`: `10:20:10,14`.
    init?(_ text: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 3, let oldest = UInt64(parts[0]), let next = UInt64(parts[1]) else { return nil }
        self.init(oldest: oldest, next: next, underWay: parts[2].split(separator: ",").compactMap { UInt64($0) })
    }

    var text: String { "\(oldest):\(next):\(underWay.map(String.init).joined(separator: ","))" }
}

/// The state of an event's tickets, identified without reading them.
public struct ManifestState: Sendable {
    public var eventVersion: Int
    /// The cluster and its timeline: a snapshot is meaningless in another, for example after restoring a backup.
    public var database: String
    public var snapshot: DatabaseSnapshot
    /// Whether a ticket or a check-in changed after the given snapshot; true if there was none.
    public var hasChanged: Bool
}

/// Reads for check-in manifests.
public struct ManifestStore: Sendable {
    let database: Database

    public init(_ database: Database) { self.database = database }

    /// The state of an event, and whether its tickets have changed since `known`: tickets issued or revoked, check-ins
    /// made or undone, holders renamed. Costs the same for any number of tickets.
    /// - Returns: nil if there is no such event.
    public func state(of event: EventID, since known: DatabaseSnapshot?) async throws -> ManifestState? {
        let hasChanged: SQL =
            known.map { "EXISTS (\(fragment: Self.changes(of: event, since: $0, limit: 1)))" } ?? "true"
        let rows = try await database.read(
            """
            SELECT e.version, pg_current_snapshot()::text AS snapshot, \(fragment: hasChanged) AS has_changed,
                (SELECT system_identifier FROM pg_control_system())::text || '-'
                    || (SELECT timeline_id FROM pg_control_checkpoint()) AS database
            FROM events e WHERE e.id = \(event)
            """)
        guard let row = rows.first else { return nil }
        let text = try row.decode("snapshot", as: String.self)
        guard let snapshot = DatabaseSnapshot(text) else { throw UnreadableSnapshot(text: text) }
        return ManifestState(
            eventVersion: try row.decode("version"), database: try row.decode("database"), snapshot: snapshot,
            hasChanged: try row.decode("has_changed"))
    }

    /// PostgreSQL's snapshot has an unknown format.
    struct UnreadableSnapshot: Error {
        var text: String
    }

    /// The tickets that changed after a snapshot; nil if there were more than `limit` changes.
    public func changes(
        of event: EventID, since known: DatabaseSnapshot, limit: Int
    ) async throws -> [ManifestTicket]? {
        let rows = try await database.list(
            """
            WITH changes AS MATERIALIZED (\(fragment: Self.changes(of: event, since: known, limit: limit + 1)))
            SELECT \(fragment: Self.columns), (SELECT count(*) FROM changes) AS changes
            FROM (SELECT DISTINCT registration_id FROM changes) AS changed
            JOIN tickets t ON t.registration_id = changed.registration_id
            \(fragment: Self.joins(of: event)) ORDER BY t.id
            """)
        guard let first = rows.first else { return [] }
        guard try first.decode("changes", as: Int.self) <= limit else { return nil }
        return try rows.map(Self.ticket)
    }

    /// Whether there were more than `limit` changes after a snapshot.
    public func hasChangedMuch(_ event: EventID, since known: DatabaseSnapshot, limit: Int) async throws -> Bool {
        let rows = try await database.list(
            """
            SELECT count(*) AS changes
            FROM (\(fragment: Self.changes(of: event, since: known, limit: limit + 1))) AS changes
            """)
        return try rows.first.map { try $0.decode("changes", as: Int.self) > limit } ?? false
    }

    /// The number of an event's tickets, including revoked ones.
    public func count(of event: EventID) async throws -> Int {
        try await database.list("SELECT count(*) AS tickets FROM tickets WHERE event_id = \(event)")
            .first?.decode("tickets") ?? 0
    }

    /// A page of an event's tickets in the order of their ids, including revoked ones, which a gate has to distinguish
    /// from forged ones.
    public func tickets(of event: EventID, after last: TicketID?, limit: Int) async throws -> [ManifestTicket] {
        // From two inequalities the planner doesn't conclude that the order is that of the ids alone: it would scan the
        // tickets of all events.
        try await database.list(
            """
            SELECT \(fragment: Self.columns) FROM (
                SELECT * FROM tickets
                WHERE event_id >= \(event) AND event_id <= \(event) \(given: last, { "AND id > \($0)" })
                ORDER BY event_id, id LIMIT \(limit)
            ) t \(fragment: Self.joins(of: event))
            ORDER BY t.id
            """
        ).map(Self.ticket)
    }

    /// The holder's name is the registration's, which is stored next to the event's others, unlike the users. A
    /// transferred ticket keeps the previous holder's.
    private static let columns: SQL = """
        t.id, t.issue, t.code,
        CASE WHEN r.user_id = t.user_id THEN r.holder_name ELSE (SELECT display_name FROM users WHERE id = t.user_id) END,
        \(fragment: TicketStore.shownStatus) = 'revoked' AS is_revoked, c.at, c.gate
        """

    /// By the registration: someone who was admitted with an earlier ticket of it is checked in.
    private static func joins(of event: EventID) -> SQL {
        """
        JOIN registrations r ON r.id = t.registration_id
        LEFT JOIN check_ins c ON c.registration_id = t.registration_id
        CROSS JOIN (SELECT status FROM events WHERE id = \(event)) e
        """
    }

    private static func ticket(_ row: Row) throws -> ManifestTicket {
        // By position: looking seven columns up by name costs more than reading them, two hundred thousand times.
        let at = try row.decode(at: 5, as: Date?.self)
        let isRevoked = try row.decode(at: 4, as: Bool.self)
        return ManifestTicket(
            id: try row.decode(at: 0), issue: try row.decode(at: 1), code: try row.decode(at: 2),
            holderName: try row.decode(at: 3), state: isRevoked ? .revoked : at == nil ? .valid : .checkedIn,
            firstScanAt: at, firstScanGate: try row.decode(at: 6))
    }

    /// The registrations whose tickets or check-in changed after a snapshot, once for each change; at most `limit` of
    /// each kind. Transaction numbers from the future come from another cluster whose backup was restored here.
    private static func changes(of event: EventID, since known: DatabaseSnapshot, limit: Int) -> SQL {
        func rows(of table: SQL) -> SQL {
            """
            (SELECT registration_id FROM \(fragment: table)
            WHERE event_id = \(event) AND changed_in >= pg_snapshot_xmin(\(known.text)::pg_snapshot)
                AND changed_in < pg_snapshot_xmax(pg_current_snapshot())
                AND NOT pg_visible_in_snapshot(changed_in, \(known.text)::pg_snapshot)
            LIMIT \(limit))
            """
        }
        return "\(fragment: rows(of: "tickets")) UNION ALL \(fragment: rows(of: "check_ins"))"
    }
}
