@testable import Postgres
import Synchronization
import Testing

@Suite("Pipelined reads") struct ReadTests {
    @Test("a thousand reads at once share one connection, and each gets its own answer") func ownAnswers() async throws
    {
        try await TestDatabase.with { database in
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for n in 0..<1000 {
                    group.addTask { try await database.read("SELECT \(n) AS n")[0].decode("n", as: Int.self) == n }
                }
                for try await isRight in group { #expect(isRight) }
            }
            #expect(database.statistics.connectionsMade == 1)
        }
    }

    @Test("a read that fails never fails its neighbours", arguments: [1, 2]) func badNeighbours(connections: Int)
        async throws
    {
        try await TestDatabase.with(configure: { $0.readConnections = connections }) { database in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for n in 0..<300 {
                    group.addTask {
                        if n.isMultiple(of: 3) {
                            // Fails when run, every other one already when prepared.
                            let failing: SQL =
                                n.isMultiple(of: 2) ? "SELECT 1 / (\(n) - \(n))" : "SELECT no_such_column"
                            let (error, _) = try await failure { _ = try await database.read(failing) }
                            #expect(error.sqlState == (n.isMultiple(of: 2) ? "22012" : "42703"))
                        } else {
                            let row = try await database.read("SELECT \(n) AS n")[0]
                            #expect(try row.decode("n", as: Int.self) == n)
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(database.statistics.connectionsLost == 0)
        }
    }

    @Test("a write among the reads is refused by the server") func writesRefused() async throws {
        try await TestDatabase.with { database in
            let (error, _) = try await failure { _ = try await database.read("CREATE TABLE t (n int)") }
            #expect(error.sqlState == "25006")
        }
    }

    @Test("a statement over the time limit fails alone, and the connection lives on") func slowStatement() async throws
    {
        try await TestDatabase.with(configure: { $0.queryTimeout = .seconds(1) }) { database in
            async let slow = failure { _ = try await database.read("SELECT pg_sleep(30)") }
            let (error, duration) = try await slow
            #expect(error.name == "timedOut")
            #expect(duration < .seconds(15))
            _ = try await database.read("SELECT 1")
            #expect(database.statistics.connectionsLost == 0)
            #expect(database.statistics.connectionsMade == 1)
        }
    }

    @Test("megabytes go both ways while other reads pass") func largeValues() async throws {
        try await TestDatabase.with { database in
            let large = [UInt8](repeating: 7, count: 24_000_000)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<2 {
                    group.addTask {
                        let row = try await database.read("SELECT \(large) AS value")[0]
                        #expect(try row.decode("value", as: [UInt8].self) == large)
                    }
                }
                for n in 0..<50 {
                    group.addTask { _ = try await database.read("SELECT \(n)") }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test("each connection keeps a bounded number of prepared statements") func boundedCache() async throws {
        try await TestDatabase.with { database in
            for round in 0..<2 {
                for n in 0..<400 {
                    let row = try await database.read(SQL(trusted: "SELECT \(n) AS n, \(round) AS round"))[0]
                    #expect(try row.decode("n", as: Int.self) == n)
                }
            }
            let row = try await database.read("SELECT count(*) AS n FROM pg_prepared_statements")[0]
            #expect(try row.decode("n", as: Int.self) <= 257)
            // The same in a transaction, where deallocation has to wait for its end.
            let count = try await database.transaction { transaction in
                for n in 0..<400 { try await transaction.query(SQL(trusted: "SELECT \(n)")) }
                return 0
            }
            #expect(count == 0)
            try await database.execute("SELECT 1")
            let prepared = try await database.execute("SELECT count(*) AS n FROM pg_prepared_statements")[0]
            #expect(try prepared.decode("n", as: Int.self) <= 257)
        }
    }

    @Test("a migration under a prepared statement goes unnoticed") func changedResultType() async throws {
        try await TestDatabase.withSchema { database in
            try await database.execute("CREATE TABLE t (a int)")
            for _ in 0..<2 {
                #expect(try await database.read("SELECT * FROM t").columns.count == 1)
                try await database.transaction { try await $0.query("SELECT * FROM t") }
            }
            try await database.session { session in
                try await session.query("ALTER TABLE t ADD COLUMN b int")
            }
            #expect(try await database.read("SELECT * FROM t").columns == ["a", "b"])
            let columns = try await database.transaction { try await $0.query("SELECT * FROM t").columns }
            #expect(columns == ["a", "b"])
        }
    }

    @Test("only so many reads may wait") func bound() async throws {
        try await TestDatabase.withProxy(
            silentServer: true,
            configure: {
                $0.maximumWaiting = 10
                $0.acquireTimeout = .milliseconds(200)
            }
        ) { database, _ in
            let kinds = try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 0..<15 {
                    group.addTask { try await failure { _ = try await database.read("SELECT 1") }.error.name }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(kinds.filter { $0 == "poolExhausted" }.count == 5)
            #expect(kinds.filter { $0 != "poolExhausted" }.count == 10)
        }
    }
}
