import Crypto
import Domain
import FoundationEssentials
public import Logging
public import Postgres

/// Brings the schema up to date: forward only, one migration a transaction, one migrator at a time.
public struct Migrator: Sendable {
    /// One file of `Migrations/`.
    public struct Migration: Sendable {
        public var name: String
        public var script: [UInt8]

        public init(name: String, script: [UInt8]) {
            self.name = name
            self.script = script
        }

        var version: Int { Int(name.prefix(4)) ?? 0 }
        var checksum: [UInt8] { Array(SHA256.hash(data: script)) }
    }

    /// Every migration, in order. A test compares this table with the folder.
    public static let all = [
        Migration(name: "0001_create_schema", script: PackageResources._001_create_schema_sql),
        Migration(name: "0002_add_registration_key", script: PackageResources._002_add_registration_key_sql),
        Migration(name: "0003_index_tickets_by_event", script: PackageResources._003_index_tickets_by_event_sql),
        Migration(name: "0004_add_account_links", script: PackageResources._004_add_account_links_sql),
        Migration(name: "0005_create_idempotency_keys", script: PackageResources._005_create_idempotency_keys_sql),
        Migration(
            name: "0006_add_promotion_and_removal", script: PackageResources._006_add_promotion_and_removal_sql),
        Migration(name: "0007_add_delivery_state", script: PackageResources._007_add_delivery_state_sql),
        Migration(name: "0009_add_scans", script: PackageResources._009_add_scans_sql),
        Migration(name: "0010_add_ticket_keys", script: PackageResources._010_add_ticket_keys_sql),
        Migration(
            name: "0011_add_ticket_documents_and_transfers",
            script: PackageResources._011_add_ticket_documents_and_transfers_sql),
        Migration(name: "0012_add_account_security", script: PackageResources._012_add_account_security_sql),
        Migration(name: "0013_seal_audit", script: PackageResources._013_seal_audit_sql),
        Migration(name: "0014_count_renames_of_holders", script: PackageResources._014_count_renames_of_holders_sql),
        Migration(
            name: "0015_tune_outbox_and_notifications",
            script: PackageResources._015_tune_outbox_and_notifications_sql),
        Migration(name: "0017_grant_by_service", script: PackageResources._017_grant_by_service_sql),
        Migration(name: "0018_add_mailings", script: PackageResources._018_add_mailings_sql),
        Migration(
            name: "0019_add_preferences_and_reminders",
            script: PackageResources._019_add_preferences_and_reminders_sql),
        Migration(name: "0020_add_delivery_attempts", script: PackageResources._020_add_delivery_attempts_sql),
        Migration(
            name: "0021_add_api_keys_and_subscriptions",
            script: PackageResources._021_add_api_keys_and_subscriptions_sql),
        Migration(name: "0022_add_webhook_deliveries", script: PackageResources._022_add_webhook_deliveries_sql),
        Migration(name: "0024_add_mail_previews", script: PackageResources._024_add_mail_previews_sql),
        Migration(
            name: "0025_index_unread_subscription_notices",
            script: PackageResources._025_index_unread_subscription_notices_sql),
        Migration(name: "0026_add_former_types", script: PackageResources._026_add_former_types_sql),
        Migration(name: "0027_prove_addresses", script: PackageResources._027_prove_addresses_sql),
        Migration(name: "0028_name_scanned_codes", script: PackageResources._028_name_scanned_codes_sql),
        Migration(name: "0029_know_zone_links", script: PackageResources._029_know_zone_links_sql),
        Migration(name: "0030_lease_mails", script: PackageResources._030_lease_mails_sql),
        Migration(name: "0031_note_repeated_messages", script: PackageResources._031_note_repeated_messages_sql),
        Migration(name: "0032_index_accepted_transfers", script: PackageResources._032_index_accepted_transfers_sql),
        Migration(
            name: "0035_leave_ticket_keys_to_their_worker",
            script: PackageResources._035_leave_ticket_keys_to_their_worker_sql),
        Migration(name: "0036_fold_searched_texts", script: PackageResources._036_fold_searched_texts_sql),
        Migration(name: "0040_add_pending_steps", script: PackageResources._040_add_pending_steps_sql),
    ]

    /// A published migration was edited, or the database is ahead of this program.
    public enum Refusal: Error, CustomStringConvertible {
        case changed(name: String)
        case unknown(version: Int)

        public var description: String {
            switch self {
            case .changed(let name): "migration \(name) was applied in another form: published migrations never change"
            case .unknown(let version): "the database has migration \(version), which this program doesn't know"
            }
        }
    }

    let database: Database
    let logger: Logger

    /// - Parameter database: connected with the owner's role.
    public init(database: Database, logger: Logger) {
        self.database = database
        self.logger = logger
    }

    /// Applies what is missing; answers how many that were.
    @discardableResult
    public func run(_ migrations: [Migration] = Migrator.all) async throws -> Int {
        try await database.session { session in
            _ = try await session.query("SELECT pg_advisory_lock(\(AdvisoryLock.migration))")
            _ = try await session.query(
                """
                CREATE TABLE IF NOT EXISTS schema_migrations (
                    version integer PRIMARY KEY,
                    name text NOT NULL,
                    checksum bytea NOT NULL,
                    applied_at timestamptz NOT NULL DEFAULT now()
                )
                """)
            let applied = try await session.query("SELECT version, checksum FROM schema_migrations")
            var checksums: [Int: [UInt8]] = [:]
            for row in applied { checksums[try row.decode("version")] = try row.decode("checksum", as: [UInt8].self) }
            let known = Set(migrations.map(\.version))
            if let unknown = checksums.keys.filter({ !known.contains($0) }).min() {
                throw Refusal.unknown(version: unknown)
            }
            var count = 0
            for migration in migrations {
                if let checksum = checksums[migration.version] {
                    guard checksum == migration.checksum else { throw Refusal.changed(name: migration.name) }
                    continue
                }
                try await session.transaction { transaction in
                    try await transaction.runScript(migration.script)
                    _ = try await transaction.query(
                        """
                        INSERT INTO schema_migrations (version, name, checksum)
                        VALUES (\(migration.version), \(migration.name), \(migration.checksum))
                        """)
                }
                logger.info("migration applied", metadata: ["migration": "\(migration.name)"])
                count += 1
            }
            _ = try await session.query("SELECT pg_advisory_unlock(\(AdvisoryLock.migration))")
            return count
        }
    }
}
