import Domain
import FoundationEssentials
import Persistence
import Postgres
import Synchronization
import TestSupport
import Testing

@Suite("Migrating beside the services")
struct MigratorTests {
    @Test("migrating twice changes nothing, an edited migration is refused, and one of a newer version is left alone")
    func again() async throws {
        try await TestWorld.run { world in
            let migrator = Migrator(database: world.owner, logger: world.logger)
            #expect(try await migrator.run() == 0)
            let edited = Migrator.all.map { Migrator.Migration(name: $0.name, script: $0.script + [10]) }
            await #expect(throws: Migrator.Refusal.self) { try await migrator.run(edited) }
            try await world.owner.execute(
                "INSERT INTO schema_migrations (version, name, checksum) VALUES (9999, '9999_later', '')")
            #expect(try await migrator.run() == 0)
            // One before the newest that is known is of another line.
            try await world.owner.execute("UPDATE schema_migrations SET version = 0 WHERE version = 9999")
            await #expect(throws: Migrator.Refusal.self) { try await migrator.run() }
        }
    }

    @Test("a database from before the baseline is refused with what to do, and nothing is changed in it")
    func beforeBaseline() async throws {
        try await TestWorld.run { world in
            // As such a database has it: a first migration of another name, and more of them than this program knows.
            try await world.owner.execute([
                "DELETE FROM schema_migrations",
                """
                INSERT INTO schema_migrations (version, name, checksum, applied_at)
                VALUES (51, '0051_let_attempts_grow_old', '', '2026-11-29'), (1, '0001_create_schema', '', '2026-10-01')
                """,
            ])
            let before = try await state(world)
            let refusal = try await #require(throws: Migrator.Refusal.self) {
                try await Migrator(database: world.owner, logger: world.logger).run()
            }
            #expect(refusal == .beforeBaseline)
            #expect(refusal.description.contains("create an empty database"))
            #expect(try await state(world) == before)
            // Control: by any other name it is a migration that was edited.
            try await world.owner.execute("UPDATE schema_migrations SET name = '0001_accounts' WHERE version = 1")
            await #expect(throws: Migrator.Refusal.changed(name: "0001_accounts")) {
                try await Migrator(database: world.owner, logger: world.logger).run()
            }
        }
    }

    @Test("what the failed building of an index left is removed, and the index is built")
    func brokenIndex() async throws {
        try await TestWorld.run { world in
            let migrator = Migrator(database: world.owner, logger: world.logger)
            try await world.owner.execute([
                "CREATE TABLE numbers (number integer)", "INSERT INTO numbers VALUES (1), (1)",
            ])
            let building: Migrations = [
                ("9001_index", "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS numbers_once\n    ON numbers (number);")
            ]
            await #expect(throws: PostgresError.self) { try await migrator.run(withoutTransaction(building)) }
            #expect(try await isValid("numbers_once", world) == false)
            try await world.owner.execute("TRUNCATE numbers")
            // Control: by itself the statement takes what is there for what it was to build.
            try await world.owner.execute("CREATE UNIQUE INDEX IF NOT EXISTS numbers_once ON numbers (number)")
            #expect(try await isValid("numbers_once", world) == false)
            #expect(try await migrator.run(withoutTransaction(building)) == 1)
            #expect(try await isValid("numbers_once", world) == true)
        }
    }

    @Test("a body with semicolons is one statement, and each of a file's statements is committed by itself")
    func statements() async throws {
        try await TestWorld.run { world in
            let migrator = Migrator(database: world.owner, logger: world.logger)
            let filling: Migrations = [
                (
                    "9001_fill",
                    """
                    CREATE TABLE IF NOT EXISTS numbers (number integer);
                    DO $$
                    BEGIN
                        FOR number IN 1..3 LOOP
                            INSERT INTO numbers VALUES (number);
                            COMMIT;
                        END LOOP;
                    END
                    $$;
                    SELECT 1 / (SELECT count(*) FROM numbers WHERE number = 4);
                    """
                )
            ]
            await #expect(throws: PostgresError.self) { try await migrator.run(withoutTransaction(filling)) }
            #expect(try await world.owner.execute("SELECT number FROM numbers").count == 3)
            try await world.owner.execute("INSERT INTO numbers VALUES (4)")
            #expect(try await migrator.run(withoutTransaction(filling)) == 1)
        }
    }

    @Test(
        "while a migration waits for a table, whoever reads it waits for half a second at most",
        arguments: [(500, true), (0, false)])
    func lock(timeout: Int, reads: Bool) async throws {
        try await TestWorld.run { world in
            var migrator = Migrator(database: world.owner, logger: world.logger)
            migrator.lockTimeout = timeout
            try await world.owner.execute([
                "CREATE TABLE numbers (number integer)", "GRANT SELECT ON numbers TO PUBLIC",
            ])
            try await world.owner.session { [migrator] holder in
                _ = try await holder.query("BEGIN")
                _ = try await holder.query("SELECT count(*) FROM numbers")
                async let applied = migrator.run(
                    Migrator.all + [.init(name: "9001_alter", script: Array("ALTER TABLE numbers ADD x integer".utf8))])
                try await untilWaiting(world)
                #expect(try await canRead(world) == reads)
                _ = try await holder.query("COMMIT")
                #expect(try await applied == 1)
            }
        }
    }

    private typealias Migrations = [(name: String, script: String)]

    private func withoutTransaction(_ added: Migrations) -> [Migrator.Migration] {
        Migrator.all
            + added.map { name, script in
                .init(name: name, script: Array("\(Migrator.Migration.withoutTransaction)\n\(script)\n".utf8))
            }
    }

    /// Every migration on record, and every relation with the transaction that last changed its entry in the catalog.
    private func state(_ world: TestWorld) async throws -> [String] {
        try await world.owner.execute(
            """
            SELECT version || ' ' || name || ' ' || applied_at AS line FROM schema_migrations
            UNION ALL SELECT relname || ' ' || xmin FROM pg_class WHERE relnamespace = 'public'::regnamespace
            ORDER BY line
            """
        ).map { try $0.decode("line") }
    }

    private func isValid(_ index: String, _ world: TestWorld) async throws -> Bool? {
        try await world.owner.execute(
            """
            SELECT indisvalid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE c.relname = \(index)
            """
        ).first?.decode("indisvalid")
    }

    /// Whether the table can be read behind one that waits for it, in five seconds.
    private func canRead(_ world: TestWorld) async throws -> Bool {
        do {
            return try await world.database.transaction { transaction in
                try await transaction.query("SET LOCAL lock_timeout = '5s'")
                return try await transaction.query("SELECT 1 FROM numbers").isEmpty
            }
        } catch let error as PostgresError where error.sqlState == "55P03" {
            return false
        }
    }

    /// Until somebody waits for a lock on the table.
    private func untilWaiting(_ world: TestWorld) async throws {
        while try await world.owner.execute(
            "SELECT 1 FROM pg_locks WHERE relation = 'numbers'::regclass AND NOT granted"
        ).isEmpty {
            try await Task.sleep(for: .milliseconds(10))
        }
    }
}
