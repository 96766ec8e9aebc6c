import Logging
@testable import Postgres
import Testing

@Suite("Sessions, notifications and closing") struct SessionTests {
    struct Ended: Error {}

    @Test("a session holds an advisory lock until it ends") func advisoryLock() async throws {
        try await TestDatabase.with { database in
            let tryLock: SQL = "SELECT pg_try_advisory_lock(72151) AS taken"
            try await database.session { first in
                #expect(try await first.query(tryLock)[0].decode("taken", as: Bool.self))
                let other = try await database.session { try await $0.query(tryLock)[0].decode("taken", as: Bool.self) }
                #expect(!other)
                try await first.transaction { try await $0.query("SELECT 1") }
            }
            try await TestDatabase.eventually("the lock is free") {
                try await database.session { try await $0.query(tryLock)[0].decode("taken", as: Bool.self) }
            }
            try await TestDatabase.eventually("closed") { database.statistics.sessions == 0 }
        }
    }

    @Test("a session whose connection is killed while it idles is cancelled at once") func killedSession() async throws
    {
        try await TestDatabase.with { database in
            let (error, duration) = try await failure {
                try await database.session { session in
                    let pid = try await session.query("SELECT pg_backend_pid() AS pid")[0].decode("pid", as: Int.self)
                    _ = try await database.execute("SELECT pg_terminate_backend(\(pid)::int)")
                    try await Task.sleep(for: .seconds(60))
                }
            }
            #expect(error.name == "connectionLost")
            #expect(duration < .seconds(30))
        }
    }

    @Test("a session on a line gone silent is cancelled when a heartbeat stays unanswered") func silentSession()
        async throws
    {
        try await TestDatabase.withProxy(configure: {
            $0.heartbeatInterval = .milliseconds(100)
            $0.queryTimeout = .milliseconds(200)
        }) { database, proxy in
            let (error, duration) = try await failure {
                try await database.session { session in
                    try await session.query("SELECT 1")
                    proxy.fallSilent()
                    try await Task.sleep(for: .seconds(60))
                }
            }
            #expect(error.name == "connectionLost")
            #expect(duration < .seconds(30))
        }
    }

    @Test("notifications arrive, and after a cut connection the listener says so and hears again") func notifications()
        async throws
    {
        try await TestDatabase.with { sender in
            try await TestDatabase.withProxy { database, proxy in
                var events = database.notifications(on: ["pg_test_a", "pg test \"b\""]).makeAsyncIterator()
                #expect(await events.next() == .connected)
                try await sender.execute("SELECT pg_notify('pg_test_a', 'one')")
                #expect(await events.next() == .notification(channel: "pg_test_a", payload: "one"))
                try await sender.execute("SELECT pg_notify('pg test \"b\"', \("zwei 🙂"))")
                #expect(await events.next() == .notification(channel: "pg test \"b\"", payload: "zwei 🙂"))
                proxy.cut()
                #expect(await events.next() == .disconnected)
                #expect(await events.next() == .connected)
                try await sender.execute("SELECT pg_notify('pg_test_a', 'three')")
                #expect(await events.next() == .notification(channel: "pg_test_a", payload: "three"))
            }
        }
    }

    @Test("a listener on a silent line reconnects") func silentListener() async throws {
        try await TestDatabase.withProxy(configure: {
            $0.heartbeatInterval = .milliseconds(100)
            $0.queryTimeout = .milliseconds(200)
        }) { database, proxy in
            var events = database.notifications(on: ["pg_test_c"]).makeAsyncIterator()
            #expect(await events.next() == .connected)
            proxy.fallSilent()
            #expect(await events.next() == .disconnected)
            proxy.fallSilent(false)
            proxy.cut()
            #expect(await events.next() == .connected)
        }
    }

    @Test("a listener too slow for the notifications is told to look for itself") func overflow() async throws {
        try await TestDatabase.with { database in
            var events = database.notifications(on: ["pg_test_d"]).makeAsyncIterator()
            #expect(await events.next() == .connected)
            try await database.execute("SELECT pg_notify('pg_test_d', n::text) FROM generate_series(1, 3000) n")
            try await database.execute("SELECT pg_notify('pg_test_d', 'last')")
            var seen: [ListenEvent] = []
            while let event = await events.next() {
                seen.append(event)
                if event == .notification(channel: "pg_test_d", payload: "last") { break }
            }
            #expect(seen.count < 3000 ? seen.contains(.connected) : seen.count == 3001)
        }
    }

    @Test("a listener ends with its task, and its connection with it") func cancelledListener() async throws {
        try await TestDatabase.with { database in
            let listener = Task {
                var count = 0
                for await _ in database.notifications(on: ["pg_test_e"]) { count += 1 }
                return count
            }
            try await TestDatabase.eventually("listening") { database.statistics.listeners == 1 }
            listener.cancel()
            _ = await listener.value
            try await TestDatabase.eventually("gone") { database.statistics.listeners == 0 }
        }
    }

    @Test("closing lets work under way finish and refuses new work") func closing() async throws {
        let settings = try DatabaseSettings(url: TestDatabase.url)
        let database = Database(settings, logger: .init(label: "test"))
        try await TestDatabase.whileLocked(72_164) { release in
            let read = Task {
                try await database.read("SELECT pg_advisory_xact_lock_shared(72164), 1 AS n")[0].decode(
                    "n", as: Int.self)
            }
            let begun = Counter()
            let transaction = Task {
                try await database.transaction { transaction in
                    try await transaction.query("SELECT 1")
                    begun.count()
                    let row = try await transaction.query("SELECT pg_advisory_xact_lock_shared(72164), 2 AS n")[0]
                    return try row.decode("n", as: Int.self)
                }
            }
            try await TestDatabase.eventually("both are under way") {
                begun.value == 1 && database.statistics.reads == 1
            }
            let closing = Task { await database.close() }
            try await TestDatabase.eventually("new work is refused") {
                do { return try await database.execute("SELECT 1").isEmpty } catch { return true }
            }
            try await release()
            await closing.value
            #expect(try await read.value == 1)
            #expect(try await transaction.value == 2)
        }
        #expect(try await failure { _ = try await database.read("SELECT 1") }.error.name == "closed")
        #expect(try await failure { try await database.execute("SELECT 1") }.error.name == "closed")
        #expect(database.statistics.open == 0)
        await database.close()
    }

    @Test("a database that nobody holds closes itself") func abandoned() async throws {
        try await TestDatabase.with { observer in
            let count: SQL = "SELECT 1 FROM pg_stat_activity WHERE application_name = 'postgres-test-abandoned'"
            do {
                var settings = try DatabaseSettings(url: TestDatabase.url)
                settings.applicationName = "postgres-test-abandoned"
                let database = Database(settings, logger: .init(label: "test"))
                try await database.execute("SELECT 1")
                #expect(try await observer.read(count).count == 1)
            }
            try await TestDatabase.eventually("no connection is left") { try await observer.read(count).isEmpty }
        }
    }
}
