import ArgumentParser
import Bootstrap
import Domain
import FoundationEssentials
import Persistence
import Postgres

#if canImport(Glibc)
import Glibc
#endif

struct Verify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check that counters, registrations, tickets and messages agree, and that nothing is stuck.",
        discussion: """
            Reads everything in one snapshot; read-only and safe at any time. Uses EM_DATABASE_URL.

            A violation means rows that contradict each other: a bug or tampering, which does not go away. Stuck means \
            work that should have been done by now (tickets, messages, emails); it may still complete.

            Exit status: 0 clean; 1 violations; 2 no violations, but stuck work; 3 could not be checked (no database, or \
            another check in progress); 64 wrong usage.
            """)

    @Flag(help: "Write JSON, as GET /api/v1/admin/verify does.") var json = false
    @Option(help: "Seconds after which unfinished work counts as stuck.")
    var stuckAfter = VerifyReportJSON.usualStuckAfter
    @Option(help: "Seconds after which a missing ticket is stuck; allow more in a rush. At most --stuck-after.")
    var ticketsAfter = InvariantStore.usualTicketsAfter

    func validate() throws {
        guard (0...31_536_000).contains(stuckAfter) else {
            throw ValidationError("--stuck-after takes 0 to 31536000 seconds.")
        }
        guard (0...31_536_000).contains(ticketsAfter) else {
            throw ValidationError("--tickets-after takes 0 to 31536000 seconds.")
        }
    }

    func run() async throws {
        let clock = ContinuousClock()
        let began = clock.now
        let found: InvariantReport
        do {
            found = try await withDatabase("EM_DATABASE_URL", queryTimeout: .seconds(600)) { database, _ in
                try await InvariantStore(database).check(stuckAfter: stuckAfter, ticketsAfter: ticketsAfter)
            }
        } catch {
            let reason = error is InvariantStore.AlreadyRunning ? "another check is under way" : "\(error)"
            complain("Could not be checked: \(reason)")
            throw ExitCode(3)
        }
        let report = VerifyReportJSON(found, stuckAfter: stuckAfter, took: clock.now - began)
        print(json ? String(decoding: try WireJSON.encode(report), as: UTF8.self) : report.text)
        switch report.result {
        case .clean: return
        case .violated: throw ExitCode(1)
        case .stuck: throw ExitCode(2)
        }
    }
}

/// Writes to standard error, because standard output may be parsed by a program.
func complain(_ text: String) {
    let line = Array((text + "\n").utf8)
    // One short line; if it can't be written, the exit status still reports it.
    _ = line.withUnsafeBytes { unsafe write(2, $0.baseAddress, $0.count) }
}

extension VerifyReportJSON {
    /// For people.
    var text: String {
        let looked =
            "\(scope.events) events, \(scope.registrations) registrations, \(scope.tickets) tickets and \(scope.messages) "
            + "messages in \(seconds) s"
        if findings.isEmpty { return "Clean: \(checked.count) invariants hold over \(looked)." }
        var lines = ["\(result == .violated ? "VIOLATED" : "Stuck"): looked at \(looked)."]
        for finding in findings {
            let oldest = finding.oldestSeconds.map { ", the oldest for \($0) s" } ?? ""
            lines.append("")
            lines.append("\(finding.severity)  \(finding.invariant)  × \(finding.count)\(oldest)")
            lines.append("  \(finding.meaning)")
            for example in finding.examples {
                let about = [
                    example.eventId.map { "event \($0)" }, example.subjectId.map { "about \($0)" },
                    example.ageSeconds.map { "\($0) s" },
                ]
                lines.append("    \(example.detail)  [\(about.compactMap(\.self).joined(separator: ", "))]")
            }
            if finding.examples.count < finding.count {
                lines.append("    and \(finding.count - finding.examples.count) more")
            }
        }
        return lines.joined(separator: "\n")
    }
}
