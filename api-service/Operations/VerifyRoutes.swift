import Access
import Domain
import FoundationEssentials
import Hummingbird
import Persistence

/// The invariant check for administrators; `api-service verify` is its command.
struct VerifyRoutes: Sendable {
    let watch: InvariantMonitor

    /// How long a check is waited for; for a large site it continues in the background.
    private static let timeout = Duration.seconds(5)

    @Sendable func verify(_ request: Request, _ context: APIContext) async throws -> Response {
        try Authorization.require(.verifyInvariants, try context.signedIn())
        guard let found = try await watch.finding(noOlderThan: .zero, within: Self.timeout) else {
            throw APIProblem.unavailable(retryAfter: 5)
        }
        return try .json(
            VerifyReportJSON(
                found.report, stuckAfter: VerifyReportJSON.usualStuckAfter, took: found.took,
                age: .now - found.endedAt))
    }
}

/// The result of a check, as the endpoint and `api-service verify --json` write it.
struct VerifyReportJSON: Encodable {
    /// Seconds after which work counts as stuck by default.
    static let usualStuckAfter = 300

    enum Result: String, Encodable {
        case clean, violated, stuck

        /// - Parameter severity: of the worst finding.
        init(_ severity: Invariant.Severity?) {
            self =
                switch severity {
                case nil: .clean
                case .violation: .violated
                case .stuck: .stuck
                }
        }
    }

    struct Scope: Encodable {
        var events: Int
        var registrations: Int
        var tickets: Int
        var messages: Int
        var pendingSteps: Int
    }

    struct Finding: Encodable {
        struct Example: Encodable {
            @Nullable var eventId: String?
            @Nullable var subjectId: String?
            var detail: String
            @Nullable var ageSeconds: Int?
        }

        var invariant: String
        var severity: String
        var meaning: String
        var count: Int
        @Nullable var oldestSeconds: Int?
        var examples: [Example]
    }

    var result: Result
    var at: Date
    var seconds: Double
    /// Since the check ended.
    var ageSeconds: Int
    var stuckAfterSeconds: Int
    var checked: [String]
    var scope: Scope
    var findings: [Finding]

    init(_ report: InvariantReport, stuckAfter: Int, took: Duration, age: Duration = .zero) {
        result = Result(report.severity)
        at = report.at
        seconds = (took / .milliseconds(1)).rounded() / 1000
        ageSeconds = Int(age.components.seconds)
        stuckAfterSeconds = stuckAfter
        checked = Invariant.allCases.map(\.rawValue)
        scope = Scope(
            events: report.scope.events, registrations: report.scope.registrations, tickets: report.scope.tickets,
            messages: report.scope.messages, pendingSteps: report.scope.pendingSteps)
        findings = report.findings.map { finding in
            Finding(
                invariant: finding.invariant.rawValue, severity: finding.invariant.severity.rawValue,
                meaning: finding.invariant.meaning, count: finding.count, oldestSeconds: finding.oldestAge,
                examples: finding.examples.map { example in
                    Finding.Example(
                        eventId: example.eventID?.description,
                        subjectId: example.subjectID?.uuidString.lowercased(), detail: example.detail,
                        ageSeconds: example.age)
                })
        }
    }
}
