@testable import api_service
import Domain
import FoundationEssentials
@testable import Postgres
import Testing

@Suite("Problems")
struct ProblemTests {
    @Test(
        "every refusal of the domain has its status",
        arguments: [
            (DomainError.validationFailed([]), 422), (.notFound, 404), (.forbidden, 403), (.notAuthenticated, 401),
            (.invalidCredentials, 401), (.emailTaken, 409), (.full, 409), (.registrationNotOpen, 409),
            (.registrationClosed, 409), (.alreadyRegistered, 409), (.alreadyCancelled, 409), (.eventNotPublished, 409),
            (.eventCancelled, 409), (.eventEnded, 409), (.capacityBelowConfirmed(confirmed: 3), 409),
            (.versionMismatch, 412), (.lastAdmin, 409),
        ])
    func statuses(error: DomainError, status: Int) {
        let problem = ProblemMiddleware.problem(error)
        #expect(problem.statusCode == status)
        #expect(problem.slug == error.slug)
    }

    @Test("a lost commit is told from what didn't happen, and what didn't happen may be tried again")
    func database() {
        let lostCommit = ProblemMiddleware.problem(PostgresError(.connectionLost, outcomeUnknown: true))
        #expect(lostCommit.slug == "outcome-unknown")
        #expect(lostCommit.statusCode == 503)
        for kind: PostgresError.Kind in [
            .connectionLost, .timedOut, .poolExhausted, .unreachable("no route"), .cancelled, .closed,
        ] {
            #expect(ProblemMiddleware.problem(PostgresError(kind)).slug == "unavailable")
        }
        #expect(ProblemMiddleware.problem(PostgresError(.invalidURL)).slug == "internal-error")
    }

    @Test("what went wrong with fields is passed on")
    func fields() {
        let errors = [FieldError(field: "title", message: "is required")]
        #expect(ProblemMiddleware.problem(.validationFailed(errors)).errors == errors)
    }
}

@Suite("Changes of an event")
struct EventChangesTests {
    @Test("only what differs is told, and long texts are only named")
    func changes() {
        let before = DemoEvents.all(now: .init(timeIntervalSince1970: 1_800_000_000))[0]
        var after = before
        after.venue = "Elsewhere"
        after.description = "Another text"
        let changes = EditEvent.changes(from: before, to: after)
        #expect(changes.map(\.field) == ["venue", "description"])
        #expect(changes[0].before == before.venue)
        #expect(changes[0].after == "Elsewhere")
        #expect(changes[1].after == nil)
        #expect(EditEvent.changes(from: before, to: before).isEmpty)
    }

    @Test("the demo's events pass the rules of every other event")
    func demo() throws {
        for event in DemoEvents.all(now: .init(timeIntervalSince1970: 1_800_000_000)) { _ = try event.validated() }
    }
}
