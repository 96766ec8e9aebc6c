import FoundationEssentials
import Postgres
import Testing

@Suite("Transactions on a real server") struct TransactionTests {
    struct Refusal: Error {}

    /// A schema with a table of its own for one test.
    private func withTable(
        configure: (inout DatabaseSettings) -> Void = { _ in }, _ body: (Database) async throws -> Void
    ) async throws {
        try await TestDatabase.withSchema(configure: configure) { database in
            try await database.execute(
                """
                CREATE TABLE counters (
                    n bigint CONSTRAINT counters_n PRIMARY KEY, value bigint NOT NULL DEFAULT 0, name text,
                    parent bigint CONSTRAINT counters_parent REFERENCES counters DEFERRABLE INITIALLY DEFERRED)
                """)
            try await body(database)
        }
    }

    private func expectRows(_ count: Int, in database: Database) async throws {
        let rows = try await database.read("SELECT n FROM counters")
        #expect(rows.count == count)
    }

    private func insert(_ n: Int) -> SQL {
        "INSERT INTO counters (n) VALUES (\(n))"
    }

    @Test("a transaction commits when its closure returns") func commits() async throws {
        try await withTable { database in
            let answer = try await database.transaction { transaction in
                let inserted = try await transaction.query(insert(1))
                #expect(inserted.affectedRows == 1)
                return try await transaction.query("SELECT 42 AS answer")[0].decode("answer", as: Int.self)
            }
            #expect(answer == 42)
            try await expectRows(1, in: database)
        }
    }

    @Test("a transaction rolls back when its closure throws, and the connection is used again") func rollsBack()
        async throws
    {
        try await withTable(configure: { $0.maximumTransactions = 1 }) { database in
            await #expect(throws: Refusal.self) {
                try await database.transaction { transaction in
                    try await transaction.query(insert(1))
                    throw Refusal()
                }
            }
            try await expectRows(0, in: database)
            try await database.transaction { try await $0.query(insert(2)) }
            try await expectRows(1, in: database)
            #expect(database.statistics.open == 1)
            #expect(database.statistics.connectionsLost == 0)
        }
    }

    @Test("a commit after the last statements ends the transaction, also when they are the first", arguments: [0, 1])
    func commitsAfter(before: Int) async throws {
        try await withTable { database in
            try await database.transaction { transaction in
                for n in 0..<before { _ = try await transaction.query(insert(n)) }
                _ = try await transaction.commit(after: [insert(before)])
                // It would open a transaction of its own, or commit twice.
                await #expect(throws: PostgresError.self) { try await transaction.query(insert(2)) }
            }
            try await expectRows(before + 1, in: database)
        }
    }

    @Test("a swallowed error still fails the transaction") func swallowedError() async throws {
        try await withTable { database in
            let error = await #expect(throws: PostgresError.self) {
                try await database.transaction { transaction in
                    try await transaction.query(insert(1))
                    do { try await transaction.query("SELECT 1 / 0") } catch {}
                }
            }
            #expect(error?.sqlState == "22012")
            try await expectRows(0, in: database)
        }
    }

    @Test("an error undone by a savepoint does not fail the transaction") func savepoint() async throws {
        try await withTable { database in
            try await database.transaction { transaction in
                try await transaction.pipeline([insert(1), "SAVEPOINT here"])
                do { try await transaction.query(insert(1)) } catch {}
                try await transaction.query("ROLLBACK TO SAVEPOINT here")
                try await transaction.query(insert(2))
            }
            try await expectRows(2, in: database)
        }
    }

    @Test("too many parameters are refused without harm to the connection") func parameterLimit() async throws {
        try await TestDatabase.with { database in
            let list = (0...65_535).map { "\($0)" as SQL }.joined()
            let (error, _) = try await failure { _ = try await database.read("SELECT \(fragment: list)") }
            #expect(error.sqlState == "54000")
            #expect(!error.isRetriable)
        }
    }

    @Test("a constraint violation tells its name, and nothing of the batch is kept") func constraintName() async throws
    {
        try await withTable { database in
            let error = await #expect(throws: PostgresError.self) {
                try await database.execute([insert(1), insert(1), insert(2)])
            }
            #expect(error?.sqlState == "23505")
            #expect(error?.constraint == "counters_n")
            #expect(error?.outcomeUnknown == false)
            try await expectRows(0, in: database)
        }
    }

    @Test("a constraint that fails only at COMMIT is reported, by transaction and by execute") func deferredConstraint()
        async throws
    {
        try await withTable { database in
            for attempt in 0..<2 {
                let orphan: SQL = "UPDATE counters SET parent = 99"
                let error = await #expect(throws: PostgresError.self) {
                    if attempt == 0 {
                        try await database.execute([insert(1), orphan])
                    } else {
                        try await database.transaction {
                            try await $0.query(insert(1))
                            try await $0.query(orphan)
                        }
                    }
                }
                #expect(error?.sqlState == "23503")
                #expect(error?.constraint == "counters_parent")
                try await expectRows(0, in: database)
            }
        }
    }

    @Test("a pipeline answers every statement, in order, and each sees the ones before") func pipeline() async throws {
        try await withTable { database in
            let results = try await database.transaction { transaction in
                try await transaction.pipeline([
                    insert(1), insert(2),
                    "SELECT n FROM counters ORDER BY n",
                ])
            }
            #expect(results.map(\.affectedRows) == [1, 1, 2])
            #expect(try results[2].map { try $0.decode("n", as: Int.self) } == [1, 2])
            #expect(try await database.transaction { try await $0.pipeline([]).count } == 0)
        }
    }

    @Test("a serialization failure runs the closure again, and both changes are kept") func serialization() async throws
    {
        try await withTable { database in
            try await database.execute(insert(0))
            let attempts = Counter()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<3 {
                    group.addTask {
                        try await database.transaction(.serializable) { transaction in
                            let row = try await transaction.query("SELECT value FROM counters")[0]
                            let value = try row.decode("value", as: Int.self)
                            // All have read before anyone writes: only one of them can be right.
                            attempts.count()
                            try await TestDatabase.eventually("all have read") { attempts.value >= 3 }
                            try await transaction.query("UPDATE counters SET value = \(value + 1)")
                        }
                    }
                }
                try await group.waitForAll()
            }
            let row = try await database.read("SELECT value FROM counters")[0]
            #expect(try row.decode("value", as: Int.self) == 3)
            #expect(attempts.value > 3, "nobody ran twice: the test proves nothing")
        }
    }

    @Test("without the retry a serialization failure is the caller's") func serializationWithoutRetry() async throws {
        try await withTable { database in
            try await database.execute(insert(0))
            let error = await #expect(throws: PostgresError.self) {
                try await database.transaction(.repeatableRead) { transaction in
                    try await transaction.query("SELECT value FROM counters")
                    // Another one changes the row, every time.
                    try await database.execute(
                        "UPDATE counters SET value = value + 1")
                    try await transaction.query(
                        "UPDATE counters SET value = 0")
                }
            }
            #expect(error?.sqlState == "40001")
            let row = try await database.read("SELECT value FROM counters")[0]
            #expect(try row.decode("value", as: Int.self) == 4, "one attempt and three more")
        }
    }

    @Test("a value that looks like SQL is only a value") func injection() async throws {
        try await withTable { database in
            let evil = "x'; DROP TABLE counters; --"
            try await database.execute(
                "INSERT INTO counters (n, name) VALUES (1, \(evil))")
            let row = try await database.read(
                "SELECT name FROM counters WHERE name = \(evil)")[0]
            #expect(try row.decode("name", as: String.self) == evil)
        }
    }

    @Test("the pool gives each transaction a connection, in order, up to the limit and the wait limit") func poolLimit()
        async throws
    {
        try await TestDatabase.with(configure: {
            $0.maximumTransactions = 2
            $0.acquireTimeout = .seconds(2)
        }) { database in
            let (held, released) = (Counter(), Counter())
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<2 {
                    group.addTask {
                        try await database.transaction { transaction in
                            try await transaction.query("SELECT 1")
                            held.count()
                            try await TestDatabase.eventually("released") { released.value == 1 }
                        }
                    }
                }
                try await TestDatabase.eventually("both are taken") { held.value == 2 }
                let start = ContinuousClock.now
                let error = await #expect(throws: PostgresError.self) {
                    try await database.transaction { try await $0.query("SELECT 1") }
                }
                guard case .poolExhausted? = error?.kind else { throw error ?? PostgresErrorExpected() }
                #expect(ContinuousClock.now - start < .seconds(10))
                #expect(database.statistics.open == 2)
                released.count()
                try await group.waitForAll()
            }
            try await database.transaction { try await $0.query("SELECT 1") }
        }
    }

    struct PostgresErrorExpected: Error {}

    @Test("many callers share few connections and all are served") func fairness() async throws {
        try await withTable(configure: {
            $0.maximumTransactions = 3
            $0.acquireTimeout = .seconds(60)
        }) { database in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for n in 0..<200 {
                    let statement = insert(n)
                    group.addTask {
                        if n.isMultiple(of: 2) {
                            _ = try await database.execute(statement)
                        } else {
                            _ = try await database.transaction { try await $0.query(statement) }
                        }
                    }
                }
                try await group.waitForAll()
            }
            try await expectRows(200, in: database)
            #expect(database.statistics.connectionsMade <= 4)
        }
    }

    @Test("a script of several statements runs in the transaction, and is undone with it") func script() async throws {
        try await TestDatabase.with { database in
            await #expect(throws: Refusal.self) {
                try await database.transaction { transaction in
                    let script = "CREATE TEMP TABLE t (n int); INSERT INTO t VALUES (1); INSERT INTO t VALUES (2);"
                    try await transaction.runScript(Array(script.utf8))
                    let rows = try await transaction.query("SELECT n FROM t")
                    #expect(rows.count == 2)
                    throw Refusal()
                }
            }
            let error = await #expect(throws: PostgresError.self) {
                try await database.transaction { try await $0.runScript(Array("SELECT 1; SELEKT 2;".utf8)) }
            }
            #expect(error?.sqlState == "42601")
            try await database.session { session in
                try await session.runScript(Array("CREATE TEMP TABLE u (n int); DROP TABLE u".utf8))
                try await session.query("SELECT 1")
            }
        }
    }

    @Test("a transaction used after its end is refused") func escapedTransaction() async throws {
        try await TestDatabase.with { database in
            let escaped = try await database.transaction { transaction in
                try await transaction.query("SELECT 1")
                return transaction
            }
            await #expect(throws: PostgresError.self) { try await escaped.query("SELECT 1") }
        }
    }
}
