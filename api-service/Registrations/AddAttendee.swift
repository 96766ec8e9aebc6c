import Access
import Domain
import FoundationEssentials
import Persistence

/// Takes a place for somebody else: before registration opens and after it closes too, but never beyond the capacity.
struct AddAttendee: Sendable {
    let stores: Stores
    let desk: AdmissionDesk

    static let unknownAddress = DomainError.validationFailed([
        FieldError(field: "email", message: "belongs to no account: they have to sign up first")
    ])

    /// - Parameter email: of an account; lower-case.
    /// - Throws: ``DomainError``: validationFailed when nobody has that address, eventNotPublished, eventCancelled,
    ///   eventEnded, alreadyRegistered, full; ``AdmissionDesk/Overloaded``.
    func perform(
        _ email: String, to event: EventID, by organizer: Principal, once request: IdempotentRequest?,
        _ answer: @escaping @Sendable (Registration) throws -> StoredResponse
    ) async throws -> Answered {
        guard let user = try await stores.users.find(email: email) else { throw Self.unknownAddress }
        return try await desk.submit(
            .place(
                in: event, for: user.id, by: organizer.userID,
                idempotency: request.map { PlaceWish.Idempotency($0, respond: answer) })
        ).answered(answer)
    }
}
