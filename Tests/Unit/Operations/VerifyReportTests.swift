import FoundationEssentials
@testable import Persistence
import Testing
@testable import api_service

@Suite("The report of a verification")
struct VerifyReportTests {
    private func report(_ found: [Invariant]) -> VerifyReportJSON {
        let findings = found.map { InvariantFinding(invariant: $0, count: 2, oldestAge: nil, examples: []) }
        return VerifyReportJSON(
            InvariantReport(at: Date(timeIntervalSince1970: 0), scope: .init(), findings: findings), stuckAfter: 300,
            took: .seconds(1))
    }

    @Test(
        "its result is that of the worst finding, and its text begins with it",
        arguments: [
            ([], VerifyReportJSON.Result.clean, "Clean: "), ([.unpublished], .stuck, "Stuck: "),
            ([.oversold], .violated, "VIOLATED: "), ([.unpublished, .oversold], .violated, "VIOLATED: "),
        ] as [([Invariant], VerifyReportJSON.Result, String)])
    func result(found: [Invariant], result: VerifyReportJSON.Result, beginning: String) {
        let report = report(found)
        #expect(report.result == result && report.text.hasPrefix(beginning))
        for one in found { #expect(report.text.contains(one.meaning)) }
    }
}
