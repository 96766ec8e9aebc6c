public import Domain
public import FoundationEssentials
public import Postgres

public struct EventStats: Sendable {
    public struct Bucket: Sendable {
        /// The start of the hour.
        public var at: Date
        public var count: Int
    }

    public var places: Places
    public var cancelled: Int
    public var checkedIn: Int
    /// Registrations received (whatever their current status), by the hour.
    public var registrations: [Bucket]
    public var checkIns: [Bucket]
}

public struct StatsStore: Sendable {
    let database: Database

    public init(_ database: Database) { self.database = database }

    /// The statistics, each read at one moment; nil for an unknown event. Hours are limited to the newest thousand.
    public func stats(of event: EventID) async throws -> EventStats? {
        async let totals = database.list(
            """
            SELECT \(fragment: EventStore.shownPlaces),
                (SELECT count(*) FROM registrations WHERE event_id = p.event_id AND status = 'cancelled')
                    + CASE WHEN e.status = 'cancelled' THEN p.confirmed + p.waitlisted ELSE 0 END AS cancelled,
                (SELECT count(*) FROM check_ins WHERE event_id = p.event_id) AS checked_in
            FROM event_places p JOIN events e ON e.id = p.event_id WHERE p.event_id = \(event)
            """)
        async let registrations = database.list(
            """
            SELECT date_trunc('hour', created_at) AS at, count(*) AS count FROM registrations
            WHERE event_id = \(event) GROUP BY 1 ORDER BY 1 DESC LIMIT 1000
            """)
        async let checkIns = database.list(
            """
            SELECT date_trunc('hour', at) AS at, count(*) AS count FROM check_ins
            WHERE event_id = \(event) GROUP BY 1 ORDER BY 1 DESC LIMIT 1000
            """)
        guard let row = try await totals.first else { return nil }
        return EventStats(
            places: try EventStore.places(row), cancelled: try row.decode("cancelled"),
            checkedIn: try row.decode("checked_in"), registrations: try Self.buckets(await registrations),
            checkIns: try Self.buckets(await checkIns))
    }

    private static func buckets(_ rows: QueryResult) throws -> [EventStats.Bucket] {
        try rows.reversed().map { EventStats.Bucket(at: try $0.decode("at"), count: try $0.decode("count")) }
    }
}
