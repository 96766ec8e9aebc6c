import Domain
import FoundationEssentials
public import Postgres

/// The head of the chain of seals. Recorded elsewhere, it shows later whether the log was truncated or rebuilt.
public struct AuditHead: Hashable, Sendable {
    public var number: Int
    /// SHA-256 in hexadecimal digits.
    public var digest: String

    public init(number: Int, digest: String) {
        self.number = number
        self.digest = digest
    }
}

/// Seals the rows of the audit log in order, asynchronously: writers wait for no one.
public struct AuditSealStore: Sendable {
    let database: Database

    public init(_ database: Database) { self.database = database }

    public struct Round: Sendable {
        public var sealed: Int
        /// The current head of the chain; nil before the first seal.
        public var head: AuditHead?
    }

    /// Seals at most `limit` rows in its own transaction; nil if another sealer has the lease.
    public func seal(limit: Int) async throws -> Round? {
        try await database.transaction { transaction in
            // Each statement sees what was committed before it: those after the lock see the last sealer's work.
            let results = try await transaction.pipeline([
                "SELECT pg_try_advisory_xact_lock(\(AdvisoryLock.auditSeal)) AS held",
                "SELECT number, digest FROM audit_seals ORDER BY number DESC LIMIT 1",
                """
                SELECT \(fragment: Self.columns) FROM audit a
                WHERE a.id = ANY(ARRAY(SELECT audit_id FROM audit_unsealed ORDER BY audit_id LIMIT \(limit)))
                ORDER BY a.id
                """,
            ])
            guard try results[0].first?.decode("held", as: Bool.self) == true else { return nil }
            var number = try results[1].first?.decode("number", as: Int.self) ?? 0
            var digest = try results[1].first?.decode("digest", as: [UInt8].self) ?? AuditChain.start
            var (numbers, ids, digests): ([Int], [Int], [String]) = ([], [], [])
            for row in results[2] {
                let entry = try Self.entry(row)
                number += 1
                digest = AuditChain.seal(entry, number: number, after: digest)
                numbers.append(number)
                ids.append(entry.id)
                digests.append(Hexadecimal.encode(digest))
            }
            let head = number == 0 ? nil : AuditHead(number: number, digest: Hexadecimal.encode(digest))
            guard !ids.isEmpty else { return Round(sealed: 0, head: head) }
            _ = try await transaction.pipeline([
                """
                INSERT INTO audit_seals (number, audit_id, digest)
                SELECT number, id, decode(digest, 'hex')
                FROM unnest(\(numbers), \(ids), \(digests)) AS made (number, id, digest)
                """,
                "DELETE FROM audit_unsealed WHERE audit_id = ANY(\(ids))",
            ])
            return Round(sealed: ids.count, head: head)
        }
    }

    /// The columns of ``entry(_:)``.
    static let columns: SQL = """
        a.id, (extract(epoch FROM a.at) * 1000000)::bigint AS at, a.actor_id::text AS actor, a.action,
        a.subject_id::text AS subject, a.event_id::text AS event, a.details::text AS details, a.content_digest, a.trace_id
        """

    static func entry(_ row: Row) throws -> AuditChain.Entry {
        AuditChain.Entry(
            id: try row.decode("id"), at: try row.decode("at"), actor: try row.decode("actor"),
            action: try row.decode("action"), subject: try row.decode("subject"), event: try row.decode("event"),
            details: try row.decode("details"), contentDigest: try row.decode("content_digest"),
            trace: try row.decode("trace_id"))
    }
}
