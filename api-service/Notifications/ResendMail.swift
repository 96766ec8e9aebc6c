import Access
import Domain
import Persistence
import Postgres

/// Resends a confirmation email.
struct ResendMail: Sendable {
    let stores: Stores

    /// - Returns: the queued email; nil while the ticket is being issued, whose email is sent automatically.
    /// - Throws: ``DomainError/alreadyCancelled`` if the registration is canceled.
    func perform(_ detail: RegistrationDetail, by principal: Principal) async throws -> Notification? {
        let registration = detail.registration
        let kind: NotificationKind
        switch registration.status {
        case .confirmed: kind = .registrationConfirmed
        case .waitlisted: kind = .registrationWaitlisted
        case .cancelled: throw DomainError.alreadyCancelled
        }
        guard kind == .registrationWaitlisted || detail.ticket != nil else { return nil }
        let planned = PlannedNotification(
            userID: registration.userID, eventID: registration.eventID, registrationID: registration.id,
            ticketID: detail.ticket?.id, kind: kind)
        return try await stores.change { transaction in
            let notification = try await stores.notifications.resend(planned, of: registration.id, on: transaction)
            return Change(
                notification,
                AuditRecord(
                    "registration.mail-resent", by: principal.userID, subject: registration.id.uuid,
                    event: registration.eventID, AuditContent(about: ["mail": kind.rawValue])))
        }
    }
}
