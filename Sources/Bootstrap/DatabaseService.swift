public import Postgres
public import ServiceLifecycle

/// Keeps a database open while others use it, and closes it after them: the first in a service's list.
public struct DatabaseService: Service, CustomStringConvertible {
    private let database: Database

    /// - Parameter metrics: shows what the connection pool does.
    public init(_ database: Database, metrics: PrometheusRegistry) {
        self.database = database
        metrics.gauge("em_database_connections_open", "Connections for transactions that are up.") {
            Double(database.statistics.open)
        }
        metrics.gauge("em_database_connections_idle", "Of them, those not in use.") {
            Double(database.statistics.idle)
        }
        metrics.gauge("em_database_waiting", "Transactions that wait for a connection.") {
            Double(database.statistics.waiting)
        }
        metrics.counter("em_database_connections_lost_total", "Connections lost, by whatever cause but closing.") {
            Double(database.statistics.connectionsLost)
        }
    }

    public func run() async throws {
        do { try await gracefulShutdown() } catch {}  // cancelled: close all the same
        await database.close()
    }

    public var description: String { "DatabaseService" }
}
