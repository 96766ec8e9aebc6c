import FoundationEssentials
import Logging
import Postgres
import Testing

/// The server that `make test` starts, as the Postgres suites use it: no schema of the product is needed.
enum TestDatabase {
    static var url: String {
        get throws { try #require(ProcessInfo.processInfo.environment["EM_DATABASE_URL"]) }
    }

    /// Runs `body` with a database of its own and closes it.
    static func with<R>(
        url: String? = nil, configure: (inout DatabaseSettings) -> Void = { _ in },
        _ body: (Database) async throws -> R
    ) async throws -> R {
        var settings = try DatabaseSettings(url: url ?? Self.url)
        configure(&settings)
        let database = Database(settings, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        do {
            let result = try await body(database)
            await database.close()
            return result
        } catch {
            await database.close()
            throw error
        }
    }
}
