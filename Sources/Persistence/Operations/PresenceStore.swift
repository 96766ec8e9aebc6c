public import Postgres

/// A build of a service that runs, and as how many processes.
public struct RunningService: Sendable, Equatable {
    public var name: String
    public var version: String
    public var revision: String
    public var instances: Int
}

/// Who is there: every process names its service, its build and itself to the database that it is connected to
/// (`application_name`), which forgets it with its last connection.
public struct PresenceStore: Sendable {
    let database: Database

    public init(_ database: Database) { self.database = database }

    /// What runs now, by name, version and revision.
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
