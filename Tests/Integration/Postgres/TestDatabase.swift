import FoundationEssentials
import Logging
@testable import Postgres
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

extension TestDatabase {
    /// Runs `body` with an empty schema of its own, as its owner; removes it even when the test throws.
    static func withSchema(
        configure: (inout DatabaseSettings) -> Void = { _ in }, _ body: (Database) async throws -> Void
    ) async throws {
        let owner = try #require(ProcessInfo.processInfo.environment["EM_MIGRATION_DATABASE_URL"])
        let schema = "postgres_test_" + UUID().uuidString.lowercased().split(separator: "-").joined()
        try await with(url: owner) { outside in
            try await outside.execute(SQL(trusted: "CREATE SCHEMA \(schema)"))
            do {
                let url = owner + (owner.contains("?") ? "&" : "?") + "options=-c%20search_path%3D\(schema)"
                try await with(url: url, configure: configure, body)
            } catch {
                try await outside.execute(SQL(trusted: "DROP SCHEMA \(schema) CASCADE"))
                throw error
            }
            try await outside.execute(SQL(trusted: "DROP SCHEMA \(schema) CASCADE"))
        }
    }
}
