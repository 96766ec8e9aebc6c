import Access
import Domain
import FoundationEssentials
import Persistence

/// Takes a place in an event, or a place in its line.
struct Register: Sendable {
    let desk: AdmissionDesk

    /// - Parameters:
    ///   - request: names the wish; sent again, it gets the same answer.
    ///   - answer: makes the answer, which is kept with the place.
    /// - Throws: ``DomainError``: notFound, eventCancelled, eventEnded, registrationNotOpen, registrationClosed,
    ///   alreadyRegistered, full; ``AdmissionDesk/Overloaded``.
    func perform(
        _ event: EventID, by principal: Principal, once request: IdempotentRequest?,
        _ answer: @escaping @Sendable (Registration) throws -> StoredResponse
    ) async throws -> Answered {
        try await desk.submit(
            .place(
                in: event, for: principal.userID,
                idempotency: request.map { PlaceWish.Idempotency($0, respond: answer) })
        ).answered(answer)
    }
}
