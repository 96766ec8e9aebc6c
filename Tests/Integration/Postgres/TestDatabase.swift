import FoundationEssentials
import Logging
@testable import Postgres
import Synchronization
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

extension TestDatabase {
    /// Runs `body` with a database reached through a proxy, whose faults are the test's to choose.
    static func withProxy(
        silentServer: Bool = false, configure: (inout DatabaseSettings) -> Void = { _ in },
        _ body: (Database, TCPProxy) async throws -> Void
    ) async throws {
        var components = try #require(URLComponents(string: url))
        let proxy = try TCPProxy(to: silentServer ? nil : UInt16(components.port ?? 5432))
        defer { proxy.stop() }
        components.host = "127.0.0.1"
        components.port = Int(proxy.port)
        try await with(url: components.string, configure: configure) { try await body($0, proxy) }
    }

    /// Asks until it holds; fails the test after thirty seconds.
    static func eventually(
        _ what: Comment, sourceLocation: SourceLocation = #_sourceLocation, _ condition: () async throws -> Bool
    ) async throws {
        let deadline = ContinuousClock.now + .seconds(30)
        while ContinuousClock.now < deadline {
            if try await condition() { return }
            try await Task.sleep(for: .milliseconds(5))
        }
        Issue.record(what, sourceLocation: sourceLocation)
    }
}

/// Runs `body`, which must throw a `PostgresError`, and says how long it took.
func failure(
    sourceLocation: SourceLocation = #_sourceLocation, _ body: () async throws -> Void
) async throws -> (error: PostgresError, duration: Duration) {
    let start = ContinuousClock.now
    let error = await #expect(throws: PostgresError.self, sourceLocation: sourceLocation) { try await body() }
    return (try #require(error, sourceLocation: sourceLocation), ContinuousClock.now - start)
}

extension PostgresError {
    /// The kind without what it carries, to compare.
    var name: String {
        switch kind {
        case .server: "server"
        case .connectionLost: "connectionLost"
        case .timedOut: "timedOut"
        case .poolExhausted: "poolExhausted"
        case .unreachable: "unreachable"
        case .cancelled: "cancelled"
        case .decoding: "decoding"
        case .invalidURL: "invalidURL"
        case .closed: "closed"
        }
    }
}

extension TestDatabase {
    /// Runs `body` while a session holds an advisory lock; statements that take the lock wait until `release` is called
    /// (or `body` ends).
    static func whileLocked(
        _ key: Int, _ body: (_ release: () async throws -> Void) async throws -> Void
    ) async throws {
        try await with { holder in
            let (held, released) = (Counter(), Counter())
            let session = Task {
                try await holder.session { session in
                    try await session.query("SELECT pg_advisory_lock(\(key))")
                    held.count()
                    try await eventually("released") { released.value > 0 }
                }
            }
            try await eventually("locked") { held.value == 1 }
            let release: () async throws -> Void = {
                released.count()
                try await session.value
            }
            do {
                try await body(release)
            } catch {
                try await release()
                throw error
            }
            try await release()
        }
    }
}

/// Counts from several tasks.
final class Counter: Sendable {
    private let state = Mutex(0)
    func count() { state.withLock { $0 += 1 } }
    var value: Int { state.withLock { $0 } }
}
