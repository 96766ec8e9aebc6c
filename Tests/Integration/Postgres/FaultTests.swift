import FoundationEssentials
@testable import Postgres
import Synchronization
import Testing

@Suite("A database with faults") struct FaultTests {
    private func pid(_ row: Row) throws -> Int { try row.decode("pid") }

    private func terminate(_ pid: Int, with other: Database) async throws {
        _ = try await other.execute("SELECT pg_terminate_backend(\(pid)::int)")
    }

    @Test("a transaction whose connection is killed fails at once; the next one gets a new connection")
    func terminatedTransaction() async throws {
        try await TestDatabase.with { database in
            let (error, duration) = try await failure {
                try await database.transaction { transaction in
                    let row = try await transaction.query("SELECT pg_backend_pid() AS pid")[0]
                    let pid = try pid(row)
                    async let slow = transaction.query("SELECT pg_sleep(20)")
                    try await terminate(pid, with: database)
                    _ = try await slow
                }
            }
            #expect(error.name == "connectionLost")
            #expect(error.isRetriable)
            #expect(!error.outcomeUnknown)
            #expect(duration < .seconds(10))
            try await database.transaction { try await $0.query("SELECT 1") }
        }
    }

    @Test("reads on a killed connection are run again on a new one") func terminatedReader() async throws {
        try await TestDatabase.with { database in
            let pid = try pid(try await database.read("SELECT pg_backend_pid() AS pid")[0])
            try await TestDatabase.whileLocked(72_163) { release in
                async let slow = database.read("SELECT pg_advisory_xact_lock(72163), 5 AS n")
                try await TestDatabase.eventually("it waits") { database.statistics.reads == 1 }
                try await terminate(pid, with: database)
                try await TestDatabase.eventually("it runs again") { database.statistics.connectionsLost == 1 }
                try await release()
                #expect(try await slow[0].decode("n", as: Int.self) == 5)
            }
            let after = try await database.read("SELECT pg_backend_pid() AS pid")[0]
            #expect(try self.pid(after) != pid)
            #expect(database.statistics.connectionsLost == 1)
        }
    }

    @Test("a server that falls silent: everything waiting times out, and works again afterwards")
    func silence() async throws {
        try await TestDatabase.withProxy(configure: {
            $0.queryTimeout = .seconds(1)
            $0.readConnections = 2
        }) { database, proxy in
            _ = try await database.read("SELECT 1")
            let silent = try await failure {
                try await database.transaction { transaction in
                    try await transaction.query("SELECT 1")
                    proxy.fallSilent()
                    async let read = failure { _ = try await database.read("SELECT 2") }
                    let (error, duration) = try await failure { try await transaction.query("SELECT 3") }
                    #expect(error.name == "timedOut")
                    #expect(duration > .milliseconds(900) && duration < .seconds(10))
                    let other = try await read
                    #expect(other.error.name == "timedOut")
                    #expect(other.duration < .seconds(10))
                }
            }
            #expect(silent.error.name == "timedOut")
            proxy.fallSilent(false)
            proxy.cut()
            try await TestDatabase.eventually("reads work again") {
                do { return try await database.read("SELECT 4").count == 1 } catch { return false }
            }
            try await TestDatabase.eventually("transactions work again") {
                do { return try await database.execute("SELECT 5").count == 1 } catch { return false }
            }
        }
    }

    @Test("a server that accepts and never answers is given up after the connect timeout") func neverAnswers()
        async throws
    {
        try await TestDatabase.withProxy(silentServer: true, configure: { $0.connectTimeout = .seconds(2) }) {
            database, _ in
            async let read = failure { _ = try await database.read("SELECT 1") }
            async let transaction = failure { _ = try await database.transaction { try await $0.query("SELECT 1") } }
            for result in try await [read, transaction] {
                #expect(result.error.name == "unreachable")
                #expect(result.duration < .seconds(15))
            }
        }
    }

    @Test("a server that is down is reported at once, and found when it is back") func restart() async throws {
        try await TestDatabase.withProxy(configure: { $0.maximumBackoff = .milliseconds(200) }) { database, proxy in
            _ = try await database.read("SELECT 1")
            try await database.execute("SELECT 1")
            proxy.refuse(true)
            try await TestDatabase.eventually("the loss is noticed without a request") {
                database.statistics.readConnections == 0 && database.statistics.open == 0
            }
            for _ in 0..<3 {
                let (error, duration) = try await failure { _ = try await database.read("SELECT 2") }
                #expect(error.name == "unreachable")
                #expect(duration < .seconds(10))
                #expect(!"\(error)".contains("service:"))
                let (second, _) = try await failure { try await database.execute("SELECT 2") }
                #expect(second.name == "unreachable")
            }
            proxy.refuse(false)
            // The reader comes back by itself.
            try await TestDatabase.eventually("reconnected") { database.statistics.readConnections == 1 }
            _ = try await database.read("SELECT 3")
            try await database.execute("SELECT 3")
        }
    }

    @Test(
        "a connection lost during COMMIT leaves the outcome unknown, and before it does not", arguments: [true, false])
    func lostCommit(during: Bool) async throws {
        try await TestDatabase.withSchema { observer in
            try await observer.execute("CREATE TABLE t (n int)")
            try await observer.execute("GRANT ALL ON t TO PUBLIC")
            let schema = try await observer.read("SELECT current_schema()::text AS s")[0].decode("s", as: String.self)
            try await observer.execute(SQL(trusted: "GRANT USAGE ON SCHEMA \(schema) TO PUBLIC"))
            try await TestDatabase.withProxy { database, proxy in
                proxy.cutAnswer(to: during ? "COMMIT\0" : "INSERT INTO")
                let (error, _) = try await failure {
                    _ = try await database.transaction {
                        try await $0.query(SQL(trusted: "INSERT INTO \(schema).t VALUES (1)"))
                    }
                }
                #expect(error.name == "connectionLost")
                #expect(error.outcomeUnknown == during)
                if during {
                    try await TestDatabase.eventually("it was committed") {
                        try await observer.read("SELECT n FROM t").count == 1
                    }
                }
            }
        }
    }

    @Test("the same for a batch that commits by itself") func lostExecute() async throws {
        try await TestDatabase.withProxy { database, proxy in
            try await database.execute("SELECT 1")
            proxy.cutAnswer(to: "SELECT 2")
            let (error, _) = try await failure { try await database.execute("SELECT 2") }
            #expect(error.name == "connectionLost")
            #expect(error.outcomeUnknown)
        }
    }
}
