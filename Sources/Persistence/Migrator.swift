import Crypto
import Domain
import FoundationEssentials
public import Logging
public import Postgres

/// The schema migrator, which runs while the services serve traffic: forward only, one at a time.
///
/// A migration is one transaction, and none of its statements waits long for a lock, because everyone behind a waiting
/// `ALTER TABLE` waits as long: it is rolled back, and retried a little later. A file whose first line is
/// ``Migration/withoutTransaction`` is run statement by statement instead, each of which must be safe to repeat:
/// `CREATE INDEX CONCURRENTLY` and large tables need that.
public struct Migrator: Sendable {
    /// One file of `Migrations/`.
    public struct Migration: Sendable {
        public var name: String
        public var script: [UInt8]

        public init(name: String, script: [UInt8]) {
            self.name = name
            self.script = script
        }

        /// The first line of a file that is not one transaction.
        public static let withoutTransaction = "-- transaction: none"

        var version: Int { Int(name.prefix(4)) ?? 0 }
        var checksum: [UInt8] { Array(SHA256.hash(data: script)) }
        var isTransaction: Bool { !script.starts(with: Self.withoutTransaction.utf8) }

        /// The statements of the file; each ends with a line that ends in a semicolon, outside of `$$`.
        var statements: [String] {
            var (statements, statement, isBody) = ([String](), "", false)
            for line in String(decoding: script, as: UTF8.self).split(separator: "\n") where !line.hasPrefix("--") {
                statement += line + "\n"
                if line.matches(of: /\$\$/).count % 2 == 1 { isBody.toggle() }
                if line.hasSuffix(";"), !isBody {
                    statements.append(statement)
                    statement = ""
                }
            }
            return statements
        }
    }

    public enum Refusal: Error, Equatable, CustomStringConvertible {
        /// The database has migrations from before the baseline, which this program's don't continue.
        case beforeBaseline
        /// A published migration was edited.
        case changed(name: String)
        /// The database has a migration that is older than this program's newest, and not among them.
        case unknown(version: Int)
        /// Another migrator is running, and did not finish within ``timeout``.
        case busy
        /// A migration did not get its locks within ``timeout``.
        case locked(name: String)

        public var description: String {
            switch self {
            case .beforeBaseline:
                "this database was made before the first release and can't be upgraded: create an empty database, or go on "
                    + "with the version that made it"
            case .changed(let name): "migration \(name) was applied in another form: published migrations never change"
            case .unknown(let version): "the database has migration \(version), which this program doesn't know"
            case .busy: "another migrator has been at work for too long"
            case .locked(let name): "migration \(name) did not get its locks: something holds a table for minutes"
            }
        }
    }

    /// How long a migration waits for a table lock, in milliseconds: no one behind it waits longer. 0 for no limit.
    public var lockTimeout = 500
    /// How long it is retried, and how long another migrator is waited for, in seconds.
    public var timeout = 600.0

    let database: Database
    let logger: Logger

    /// - Parameter database: connected with the owner's role.
    public init(database: Database, logger: Logger) {
        self.database = database
        self.logger = logger
    }

    /// Applies pending migrations; returns how many.
    ///
    /// Migrations beyond this program's newest are left alone, with a warning: a newer version was deployed before.
    @discardableResult
    public func run(_ migrations: [Migration] = Migrator.all) async throws -> Int {
        try await database.session { session in
            try await alone(on: session) {
                let missing = try await missing(of: migrations, on: session)
                for migration in missing {
                    if migration.isTransaction {
                        try await applyAtOnce(migration, on: session)
                    } else {
                        try await applyByStatement(migration, on: session)
                    }
                    logger.info("migration applied", metadata: ["migration": "\(migration.name)"])
                }
                try await sortAnew(on: session)
                return missing.count
            }
        }
    }

    /// Runs `body` with the migration lock. The lock is polled, not waited for: a waiting statement holds a snapshot,
    /// which `CREATE INDEX CONCURRENTLY` waits for.
    private func alone<Value: Sendable>(on session: Session, _ body: () async throws -> Value) async throws -> Value {
        let end = ContinuousClock.now + .seconds(timeout)
        while true {
            let held = try await session.query("SELECT pg_try_advisory_lock(\(AdvisoryLock.migration)) AS held").first
            if try held?.decode("held") ?? false { break }
            if ContinuousClock.now > end { throw Refusal.busy }
            try await Task.sleep(for: .milliseconds(200))
        }
        let release: SQL = "SELECT pg_advisory_unlock(\(AdvisoryLock.migration))"
        do {
            let value = try await body()
            try await session.query(release)
            return value
        } catch {
            // A lost connection releases it, too.
            _ = try? await session.query(release)
            throw error
        }
    }

    /// The name of the first migration before all were made into the baseline.
    private static let firstBeforeBaseline = "0001_create_schema"

    /// Those that the database lacks. One from before the baseline is refused first: its numbers mean other migrations.
    private func missing(of migrations: [Migration], on session: Session) async throws -> [Migration] {
        try await session.query(
            """
            CREATE TABLE IF NOT EXISTS schema_migrations (
                version integer PRIMARY KEY,
                name text NOT NULL,
                checksum bytea NOT NULL,
                applied_at timestamptz NOT NULL DEFAULT now()
            )
            """)
        var applied: [Int: [UInt8]] = [:]
        for row in try await session.query("SELECT version, name, checksum FROM schema_migrations") {
            if try row.decode("name") == Self.firstBeforeBaseline { throw Refusal.beforeBaseline }
            applied[try row.decode("version")] = try row.decode("checksum", as: [UInt8].self)
        }
        let newest = migrations.last?.version ?? 0
        for version in Set(applied.keys).subtracting(migrations.map(\.version)).sorted() {
            guard version > newest else { throw Refusal.unknown(version: version) }
            logger.warning("database schema newer than this program", metadata: ["migration": "\(version)"])
        }
        return try migrations.filter { migration in
            guard let checksum = applied[migration.version] else { return true }
            guard checksum == migration.checksum else { throw Refusal.changed(name: migration.name) }
            return false
        }
    }

    private func applyAtOnce(_ migration: Migration, on session: Session) async throws {
        let end = ContinuousClock.now + .seconds(timeout)
        while true {
            do {
                return try await session.transaction { transaction in
                    try await transaction.query(
                        "SELECT set_config('lock_timeout', \(String(lockTimeout)), true)")
                    try await transaction.runScript(migration.script)
                    try await transaction.query(Self.record(migration))
                }
            } catch let error as PostgresError where error.sqlState == "55P03" {
                if ContinuousClock.now > end { throw Refusal.locked(name: migration.name) }
                logger.notice("table locked, retrying", metadata: ["migration": "\(migration.name)"])
                // Long enough for those who waited meanwhile.
                try await Task.sleep(for: .milliseconds(Int.random(in: 500...1500)))
            }
        }
    }

    private func applyByStatement(_ migration: Migration, on session: Session) async throws {
        for statement in migration.statements {
            if let index = Self.concurrentIndex(of: statement) { try await removeBroken(index, on: session) }
            try await session.runScript(Array(statement.utf8))
        }
        try await session.query(Self.record(migration))
    }

    /// The name of the index that a statement builds concurrently.
    static func concurrentIndex(of statement: String) -> String? {
        let words = statement.split(whereSeparator: \.isWhitespace)
        guard let place = words.firstIndex(of: "CONCURRENTLY"), words[..<place].first == "CREATE" else { return nil }
        return words[(place + 1)...].drop { ["IF", "NOT", "EXISTS"].contains($0) }.first.map(String.init)
    }

    /// Drops the invalid index of an interrupted or failed build, which costs writes and serves no reads.
    private func removeBroken(_ index: String, on session: Session) async throws {
        let broken = try await session.query(
            """
            SELECT 1 FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
            WHERE c.relname = \(index) AND pg_table_is_visible(c.oid) AND NOT i.indisvalid
            """)
        guard broken.first != nil else { return }
        logger.notice("dropping an index left by an interrupted migration", metadata: ["index": "\(index)"])
        try await session.runScript(Array("DROP INDEX CONCURRENTLY \(index)".utf8))
    }

    /// Rebuilds the name index after an upgrade of the server's ICU, whose sort order differs between versions.
    private func sortAnew(on session: Session) async throws {
        let moved = try await session.query(
            """
            SELECT 1 FROM pg_collation
            WHERE collname = 'names' AND collversion IS DISTINCT FROM pg_collation_actual_version(oid)
            """)
        guard moved.first != nil else { return }
        logger.notice("collation version changed, rebuilding the name index")
        for statement in ["REINDEX INDEX CONCURRENTLY registrations_by_name", "ALTER COLLATION names REFRESH VERSION"] {
            try await session.runScript(Array(statement.utf8))
        }
    }

    private static func record(_ migration: Migration) -> SQL {
        """
        INSERT INTO schema_migrations (version, name, checksum)
        VALUES (\(migration.version), \(migration.name), \(migration.checksum))
        """
    }
}
