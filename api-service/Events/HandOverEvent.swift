import Access
import Domain
import FoundationEssentials
import Persistence
import Postgres

/// Changes an event's owner, for example when the owner was locked or is no longer an organizer.
struct HandOverEvent: Sendable {
    let stores: Stores

    /// - Parameter email: a confirmed organizer's or admin's; lower-case.
    /// - Throws: ``DomainError``: validationFailed for anyone else, notFound.
    func perform(_ event: EventID, to email: String, by principal: Principal) async throws {
        guard let user = try await stores.users.find(email: email), user.role != .user, user.lockedAt == nil,
            user.emailVerifiedAt != nil
        else {
            throw DomainError.validationFailed([
                FieldError(field: "email", .notAnOrganizer)
            ])
        }
        try await stores.change(of: event) { transaction in
            guard let before = try await stores.events.handOver(event, to: user.id, on: transaction) else {
                return .unchanged
            }
            return Change(
                AuditRecord(
                    "event.handed-over", by: principal.userID, subject: event.uuid, event: event,
                    AuditContent(before: ["owner": "\(before)"], after: ["owner": "\(user.id)"])))
        }
    }
}
