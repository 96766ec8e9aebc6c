public import Postgres
public import ServiceLifecycle

/// A service that keeps a database open while others use it, and closes it after them: the first in a service's list.
/// Fails if the database turns out to be a pooler without sessions.
public struct DatabaseService: Service, CustomStringConvertible {
    private let database: Database

    /// - Parameter metrics: exposes the connection pool.
    public init(_ database: Database, metrics: PrometheusRegistry) {
        self.database = database
        metrics.gauge("em_database_connections_open", "Open connections for transactions.") {
            Double(database.statistics.open)
        }
        metrics.gauge("em_database_connections_idle", "Idle connections for transactions.") {
            Double(database.statistics.idle)
        }
        metrics.gauge("em_database_waiting", "Transactions waiting for a connection.") {
            Double(database.statistics.waiting)
        }
        metrics.counter("em_database_connections_lost_total", "Connections lost, other than by closing them.") {
            Double(database.statistics.connectionsLost)
        }
    }

    public func run() async throws {
        let database = database
        do {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await Self.check(database) }
                group.addTask { do { try await gracefulShutdown() } catch {} }  // canceled: close all the same
                // Not waitForAll: an error would wait for the shutdown.
                for try await () in group {}
            }
        } catch {
            await database.close()
            throw error
        }
        await database.close()
    }

    /// Waits for the database if it is unreachable, and checks it.
    private static func check(_ database: Database) async throws {
        try await cancelWhenGracefulShutdown {
            while true {
                do {
                    return try await database.requireSessions()
                } catch is PostgresError {
                    // Unreachable: those that need it report that.
                    do { try await Task.sleep(for: .seconds(1)) } catch { return }
                } catch is CancellationError {
                    return
                }
            }
        }
    }

    public var description: String { "DatabaseService" }
}
