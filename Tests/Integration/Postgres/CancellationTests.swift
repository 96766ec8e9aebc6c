@testable import Postgres
import Testing

@Suite("Cancelled tasks") struct CancellationTests {
    /// Runs `body` in a task, waits until `isReached`, cancels it and expects `.cancelled` soon.
    private func cancelled(
        when isReached: () async throws -> Bool, _ body: @escaping @Sendable () async throws -> Void
    ) async throws {
        let task = Task { try await failure { try await body() } }
        try await TestDatabase.eventually("the request is under way") { try await isReached() }
        let start = ContinuousClock.now
        task.cancel()
        let (error, _) = try await task.value
        #expect(error.name == "cancelled")
        #expect(ContinuousClock.now - start < .seconds(5))
    }

    private func isRunning(_ marker: String, _ database: Database) async throws -> Bool {
        let rows = try await database.read(
            """
            SELECT 1 FROM pg_stat_activity
            WHERE state = 'active' AND pid <> pg_backend_pid() AND strpos(query, \(marker)) > 0
            """)
        return !rows.isEmpty
    }

    @Test("a running statement is stopped on the server, and its connection replaced") func running() async throws {
        try await TestDatabase.with { observer in
            try await TestDatabase.with(configure: { $0.maximumTransactions = 1 }) { database in
                try await cancelled(when: { try await isRunning("/* stop me */", observer) }) {
                    _ = try await database.transaction { try await $0.query("SELECT pg_sleep(25) /* stop me */") }
                }
                try await TestDatabase.eventually("the statement has ended") {
                    try await !isRunning("/* stop me */", observer)
                }
                try await database.transaction { try await $0.query("SELECT 1") }
            }
        }
    }

    @Test("a caller waiting for a connection leaves the line") func waiting() async throws {
        try await TestDatabase.with(configure: { $0.maximumTransactions = 1 }) { database in
            try await database.transaction { transaction in
                try await transaction.query("SELECT 1")
                try await cancelled(when: { database.statistics.waiting == 1 }) {
                    _ = try await database.transaction { try await $0.query("SELECT 2") }
                }
                try await cancelled(when: { database.statistics.waiting >= 1 }) {
                    try await database.execute("SELECT 3")
                }
            }
            try await database.execute("SELECT 4")
            #expect(database.statistics.waiting == 0)
        }
    }

    @Test("a read returns at once; the connection and its neighbours go on") func reading() async throws {
        try await TestDatabase.with { observer in
            try await TestDatabase.with { database in
                try await TestDatabase.whileLocked(72_161) { release in
                    try await cancelled(when: { try await isRunning("/* leave me */", observer) }) {
                        _ = try await database.read("SELECT pg_advisory_xact_lock(72161) /* leave me */")
                    }
                    try await release()
                }
                _ = try await database.read("SELECT 1")
                #expect(database.statistics.connectionsMade == 1)
            }
        }
    }

    @Test("what commits by itself is not cancelled once sent") func executing() async throws {
        try await TestDatabase.with { observer in
            try await TestDatabase.with { database in
                try await TestDatabase.whileLocked(72_162) { release in
                    let task = Task {
                        try await database.execute("SELECT pg_advisory_xact_lock(72162), 6 AS n /* finish me */")
                    }
                    try await TestDatabase.eventually("it runs") { try await isRunning("/* finish me */", observer) }
                    task.cancel()
                    try await release()
                    #expect(try await task.value[0].decode("n", as: Int.self) == 6)
                }
            }
        }
    }

    @Test("a task cancelled beforehand gets nothing done") func beforehand() async throws {
        try await TestDatabase.with { database in
            _ = try await database.read("SELECT 1")
            let task = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                return try await failure { _ = try await database.read("SELECT 1") }.error.name
            }
            #expect(try await task.value == "cancelled")
        }
    }
}
