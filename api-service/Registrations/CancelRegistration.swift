import Access
import Domain
import FoundationEssentials
import Persistence

/// Gives a place back; the first in line moves up in the same transaction.
struct CancelRegistration: Sendable {
    let desk: AdmissionDesk

    /// Cancelling twice changes nothing and answers the same: the registration with its revoked ticket, read before the
    /// commit, because a 5xx after it would say that nothing happened.
    /// - Parameters:
    ///   - organizer: who removes somebody else; nil for the person themselves.
    ///   - reason: what the organizer tells the person.
    /// - Throws: ``DomainError/notFound``, ``DomainError/eventEnded``, ``DomainError/alreadyCheckedIn`` (nobody who is
    ///   inside gives their place back; an organizer may, and the check-in is undone with it), ``AdmissionDesk/Overloaded``.
    func perform(
        _ registration: Registration, by organizer: Principal? = nil, reason: String? = nil
    ) async throws -> (registration: Registration, ticket: Ticket?) {
        let answer = try await desk.submit(
            .leave(registration.id, of: registration.eventID, by: organizer?.userID, reason: reason))
        guard case .done(let registration, let ticket) = answer else { throw DomainError.notFound }
        return (registration, ticket)
    }
}
