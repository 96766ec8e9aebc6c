import CLibpq

/// Where the database is and how much of it to use.
public struct DatabaseSettings: Sendable {
    /// The connection URL, with its password: never logged.
    let url: String
    /// The URL's own `options` (server settings), kept in front of ours.
    let urlOptions: String

    /// Pipelined connections shared by all reads.
    public var readConnections = 1
    /// Connections that serve one transaction each at a time.
    public var maximumTransactions = 8
    /// Requests (reads, and transactions waiting for a connection) that may wait; beyond it they fail at once.
    public var maximumWaiting = 10_000
    /// How long a transaction or read waits for a connection.
    public var acquireTimeout: Duration = .seconds(5)
    /// How long one statement may take; the server is told too (`statement_timeout`).
    public var queryTimeout: Duration = .seconds(10)
    /// Connections for lists and reports (``Database/list(_:)``), and how long one statement of them may take.
    public var listConnections = 3
    public var listTimeout: Duration = .seconds(5)
    /// Lists and reports that may wait; beyond it they fail at once.
    public var maximumWaitingLists = 200
    /// How long one attempt to connect may take, in whole seconds and at least 2 (libpq's rule).
    public var connectTimeout: Duration = .seconds(5)
    /// How long a connection may be silent before its life is checked.
    public var heartbeatInterval: Duration = .seconds(10)
    /// The longest pause between attempts to reconnect; the first is 50 ms, each pause is jittered.
    public var maximumBackoff: Duration = .seconds(2)
    /// Shown in `pg_stat_activity`.
    public var applicationName = "em-connect"

    /// - Parameter url: `postgres://user:password@host:port/database?sslmode=…`, everything that libpq understands
    ///   (PostgreSQL manual, "Connection URIs").
    /// - Throws: `.invalidURL`, without the URL's text.
    public init(url: String) throws(PostgresError) {
        guard url.hasPrefix("postgres://") || url.hasPrefix("postgresql://") else { throw PostgresError(.invalidURL) }
        guard let options = PQconninfoParse(url, nil) else { throw PostgresError(.invalidURL) }
        defer { PQconninfoFree(options) }
        var urlOptions = ""
        var option = options
        while let keyword = option.pointee.keyword {
            if String(cString: keyword) == "options", let value = option.pointee.val {
                urlOptions = String(cString: value)
            }
            option += 1
        }
        self.url = url
        self.urlOptions = urlOptions
    }
}

extension DatabaseSettings {
    /// The same server, for lists and reports.
    var forLists: DatabaseSettings {
        var settings = self
        settings.readConnections = listConnections
        settings.queryTimeout = listTimeout
        settings.maximumWaiting = maximumWaitingLists
        return settings
    }
}

extension Duration {
    var milliseconds: Int {
        let (seconds, attoseconds) = components
        return Int(seconds) * 1000 + Int(attoseconds / 1_000_000_000_000_000)
    }
}
