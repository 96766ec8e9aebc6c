public import Postgres

/// A running build of a service, with its number of processes.
public struct RunningService: Sendable, Equatable {
    public var name: String
    public var version: String
    public var revision: String
    public var instances: Int
}

/// The running processes: each one reports its service, its build and itself to the database in `application_name`,
/// which disappears with its last connection.
public struct PresenceStore: Sendable {
    let database: Database

    public init(_ database: Database) { self.database = database }

    /// The running services, by name, version and revision.
    /// - Throws: `PostgresError`.
    public func services() async throws -> [RunningService] {
        let rows = try await database.read(
            """
            SELECT split_part(application_name, '/', 1) AS name, split_part(application_name, '/', 2) AS version,
                split_part(application_name, '/', 3) AS revision,
                count(DISTINCT split_part(application_name, '/', 4)) AS instances
            FROM pg_stat_activity
            WHERE datname = current_database() AND application_name LIKE '%/%/%/%'
            GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
            """)
        return try rows.map { row in
            RunningService(
                name: try row.decode("name"), version: try row.decode("version"),
                revision: try row.decode("revision"), instances: try row.decode("instances"))
        }
    }
}
