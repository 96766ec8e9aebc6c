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
        let errors = [FieldError(field: "title", .required)]
        #expect(ProblemMiddleware.problem(.validationFailed(errors)).errors == errors)
    }

    @Test("an error of a field has a code, and the numbers that its sentence needs")
    func codes() throws {
        let tooLong = try WireJSON.encode(FieldError(field: "title", .tooLong(maximum: 200)))
        let object = try JSONDocument(tooLong).root.members
        #expect(object?["code"]?.string == "too-long")
        #expect(object?["message"]?.string == "must be at most 200 characters")
        #expect(object?["parameters"]?.members?["maximum"]?.integer == 200)
        #expect(object?["parameters"]?.members?["minimum"] == nil)
        let required = try JSONDocument(try WireJSON.encode(FieldError(field: "title", .required))).root.members
        #expect(required?["code"]?.string == "required")
        #expect(required?["parameters"] == nil)
    }

    @Test("what earlier releases stored is known by its code")
    func stored() {
        #expect(WebhookError(stored: "no answer in time") == .timedOut)
        #expect(WebhookError(stored: "timed-out") == .timedOut)
        #expect(WebhookError(stored: "something else") == nil)
        #expect(SubscriptionStatusReason(stored: "The receiver answered 410 Gone.") == .receiverGone)
        #expect(
            SubscriptionStatusReason(stored: "Nothing has arrived since 2026-05-01T18:00:00.000Z.")
                == .nothingDelivered)
        #expect(SubscriptionStatusReason(stored: "account-locked") == .accountLocked)
    }

    @Test("why an email was not sent is told from the mail server's words")
    func mailErrors() {
        #expect(MailError(words: MailError.outdated.words) == .outdated)
        #expect(MailError(words: "550 5.1.1 no such mailbox") == nil)
    }

    @Test("a pause is told in seconds, and a long one in minutes")
    func pauses() {
        #expect(APIProblem.tryAgain(in: 1) == "Try again in 1 second.")
        #expect(APIProblem.tryAgain(in: 30) == "Try again in 30 seconds.")
        #expect(APIProblem.tryAgain(in: 601) == "Try again in 11 minutes.")
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
