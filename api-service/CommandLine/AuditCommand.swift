import ArgumentParser
import Bootstrap
import Domain
import FoundationEssentials
import Persistence
import Postgres

struct AuditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit", abstract: "The audit log.", subcommands: [VerifyAudit.self])
}

struct VerifyAudit: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Check that no entry of the audit log was changed, removed or moved.",
        discussion: """
            Verifies the chain of seals in one snapshot; read-only. Uses EM_DATABASE_URL.

            Prints the head of the chain, NUMBER:DIGEST; api-service also logs it whenever it seals entries. The owner of \
            the database could remove the newest entries, or reseal the whole log: store heads elsewhere, and pass one \
            with --head to detect that.

            Exit status: 0 intact; 1 tampered with; 3 could not be checked; 64 wrong usage.
            """)

    @Flag(help: "Write JSON.") var json = false
    @Option(help: "A head recorded earlier, NUMBER:DIGEST.") var head: String?

    private var noted: AuditHead? {
        guard let parts = head?.split(separator: ":"), parts.count == 2, let number = Int(parts[0]), number > 0,
            parts[1].count == 64, parts[1].allSatisfy(\.isHexDigit)
        else { return nil }
        return AuditHead(number: number, digest: parts[1].lowercased())
    }

    func validate() throws {
        if head != nil, noted == nil { throw ValidationError("--head takes NUMBER:DIGEST, as this command prints it.") }
    }

    func run() async throws {
        let report: AuditReport
        do {
            report = try await withDatabase("EM_DATABASE_URL", queryTimeout: .seconds(600)) { database, _ in
                try await AuditSealStore(database).verify(noted: noted)
            }
        } catch {
            complain("Could not be checked: \(error)")
            throw ExitCode(3)
        }
        let shown = AuditReportJSON(report)
        print(json ? String(decoding: try WireJSON.encode(shown), as: UTF8.self) : shown.text)
        if report.findingCount > 0 { throw ExitCode(1) }
    }
}

/// The result of `audit verify`.
struct AuditReportJSON: Encodable {
    struct Finding: Encodable {
        var kind: String
        @Nullable var seal: Int?
        @Nullable var entry: Int?
    }

    var sealed: Int
    var waiting: Int
    var longestWaitSeconds: Int
    var erased: Int
    @Nullable var head: String?
    var findingCount: Int
    var findings: [Finding]

    init(_ report: AuditReport) {
        sealed = report.sealed
        waiting = report.waiting
        longestWaitSeconds = report.longestWait
        erased = report.erased
        head = report.head.map { "\($0.number):\($0.digest)" }
        findingCount = report.findingCount
        findings = report.findings.map { Finding(kind: $0.kind.rawValue, seal: $0.number, entry: $0.entry) }
    }

    /// For people.
    var text: String {
        var lines = [
            findingCount == 0
                ? "Whole: \(sealed) entries are as they were sealed." : "BROKEN: \(findingCount) things are wrong."
        ]
        for finding in findings.prefix(50) {
            let place = [finding.seal.map { "seal \($0)" }, finding.entry.map { "entry \($0)" }].compactMap(\.self)
            lines.append("  \(finding.kind): \(place.joined(separator: ", "))")
        }
        if findingCount > 50 { lines.append("  and \(findingCount - 50) more") }
        if erased > 0 { lines.append("Erased with the person they were about: the contents of \(erased).") }
        if waiting > 0 { lines.append("Not sealed yet: \(waiting), the oldest for \(longestWaitSeconds) s.") }
        if let head { lines.append("Head: \(head)") }
        return lines.joined(separator: "\n")
    }
}
