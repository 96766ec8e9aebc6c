import Domain
import FoundationEssentials
import Postgres

/// What is wrong with the audit log.
public struct AuditFinding: Hashable, Sendable {
    public enum Kind: String, Sendable, CaseIterable {
        /// The seal does not match the row and the previous seal: a field was changed, or rows or seals were swapped.
        case changed
        /// There is a seal, but not the row.
        case removed
        /// A number is missing in the chain.
        case sealMissing = "seal-missing"
        /// A row that no sealer will ever process: its seal was removed, or it was inserted behind the sealer.
        case unsealed
        /// The content does not match the digest in the row.
        case contentChanged = "content-changed"
        /// The content is missing without a recorded erasure.
        case contentRemoved = "content-removed"
        /// The chain does not contain the recorded seal: it was truncated or rebuilt.
        case headMissing = "head-missing"
    }

    public var kind: Kind
    /// The number in the chain.
    public var number: Int?
    /// The row's number.
    public var entry: Int?
}

public struct AuditReport: Sendable {
    public var sealed = 0
    /// Recent entries that are not sealed yet.
    public var waiting = 0
    /// The age of the oldest of them, in seconds.
    public var longestWait = 0
    /// Entries whose content was erased with the person it was about.
    public var erased = 0
    public var head: AuditHead?
    /// The first thousand.
    public var findings: [AuditFinding] = []
    public var findingCount = 0

    mutating func note(_ kind: AuditFinding.Kind, number: Int? = nil, entry: Int? = nil) {
        findingCount += 1
        if findings.count < 1000 { findings.append(AuditFinding(kind: kind, number: number, entry: entry)) }
    }
}

extension AuditSealStore {
    /// Verifies the whole chain, in one snapshot: without locks or writes, for any number of rows.
    /// - Parameter noted: a head of the chain that was recorded elsewhere.
    public func verify(noted: AuditHead? = nil, page: Int = 2000) async throws -> AuditReport {
        try await database.transaction(.snapshot) { transaction in
            var walk = Walk(noted: noted)
            while true {
                let rows = try await transaction.query(
                    """
                    SELECT s.number, s.audit_id, s.digest, c.salt, c.content, \(fragment: Self.columns)
                    FROM audit_seals s LEFT JOIN audit a ON a.id = s.audit_id
                    LEFT JOIN audit_contents c ON c.audit_id = s.audit_id
                    WHERE s.number > \(walk.number) ORDER BY s.number LIMIT \(page)
                    """)
                for row in rows { try walk.step(row) }
                if rows.count < page { break }
            }
            walk.end()
            try await Self.lookBehind(&walk.report, on: transaction)
            return walk.report
        }
    }

    /// Checks the unsealed rows: waiting for their seal, or never to be sealed.
    private static func lookBehind(_ report: inout AuditReport, on transaction: Transaction) async throws {
        let results = try await transaction.pipeline([
            """
            SELECT count(*) AS waiting, coalesce(extract(epoch FROM now() - min(a.at)), 0)::bigint AS longest
            FROM audit_unsealed u JOIN audit a ON a.id = u.audit_id
            """,
            """
            SELECT a.id FROM audit a
            WHERE NOT EXISTS (SELECT FROM audit_seals s WHERE s.audit_id = a.id)
                AND NOT EXISTS (SELECT FROM audit_unsealed u WHERE u.audit_id = a.id)
            ORDER BY a.id LIMIT 1000
            """,
            """
            SELECT u.audit_id FROM audit_unsealed u
            WHERE NOT EXISTS (SELECT FROM audit a WHERE a.id = u.audit_id) ORDER BY u.audit_id LIMIT 1000
            """,
        ])
        report.waiting = try results[0].first?.decode("waiting") ?? 0
        report.longestWait = try results[0].first?.decode("longest") ?? 0
        for row in results[1] { report.note(.unsealed, entry: try row.decode("id")) }
        for row in results[2] { report.note(.removed, entry: try row.decode("audit_id")) }
    }

    /// One pass over the chain.
    private struct Walk {
        var report = AuditReport()
        var number = 0
        private var previous = AuditChain.start
        private let noted: AuditHead?
        /// Entries without their content, by the index of their finding; erasures come later in the chain.
        private var contentless: [Int: Int] = [:]
        private var erased: Set<Int> = []

        init(noted: AuditHead?) { self.noted = noted }

        private struct Erasure: Decodable {
            var entries: [Int]
        }

        mutating func step(_ row: Row) throws {
            let next: Int = try row.decode("number")
            let digest: [UInt8] = try row.decode("digest")
            let id: Int = try row.decode("audit_id")
            // Continues from the stored seal, right or wrong, so that one changed row does not make all later ones look
            // changed.
            defer { (number, previous) = (next, digest) }
            report.sealed += 1
            if let noted, noted.number == next, noted.digest != Hexadecimal.encode(digest) {
                report.note(.headMissing, number: next)
            }
            if next != number + 1 { report.note(.sealMissing, number: number + 1) }
            guard try row.decode("action", as: String?.self) != nil else {
                report.note(.removed, number: next, entry: id)
                return
            }
            let entry = try AuditSealStore.entry(row)
            if AuditChain.seal(entry, number: next, after: previous) != digest {
                report.note(.changed, number: next, entry: id)
            }
            try checkContent(of: entry, number: next, row)
        }

        private mutating func checkContent(of entry: AuditChain.Entry, number: Int, _ row: Row) throws {
            if entry.action == "audit.contents-erased", let details = entry.details {
                erased.formUnion(try WireJSON.decode(Erasure.self, from: Array(details.utf8)).entries)
            }
            let content: String? = try row.decode("content")
            guard let content, let salt: [UInt8] = try row.decode("salt") else {
                if entry.contentDigest != nil { contentless[entry.id] = number }
                return
            }
            if AuditChain.digest(ofContent: Array(content.utf8), salt: salt) != entry.contentDigest {
                report.note(.contentChanged, number: number, entry: entry.id)
            }
        }

        mutating func end() {
            report.head = number == 0 ? nil : AuditHead(number: number, digest: Hexadecimal.encode(previous))
            if let noted, noted.number > number { report.note(.headMissing, number: noted.number) }
            for (entry, number) in contentless.sorted(by: { $0.key < $1.key }) {
                if erased.contains(entry) {
                    report.erased += 1
                } else {
                    report.note(.contentRemoved, number: number, entry: entry)
                }
            }
        }
    }
}
