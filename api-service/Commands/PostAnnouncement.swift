import Access
import Domain
import Persistence
import Postgres

/// Tells everybody who looks at an event something.
struct PostAnnouncement: Sendable {
    let stores: Stores

    /// - Parameters:
    ///   - request: with its Idempotency-Key it is told once.
    ///   - answer: makes the answer, which is kept with the announcement.
    func perform(
        title: String, body: String, to event: EventID, by principal: Principal, once request: IdempotentRequest?,
        _ answer: (Announcement) throws -> StoredResponse
    ) async throws -> Answered {
        try await stores.database.transaction { transaction in
            try await stores.idempotency.once(request, on: transaction) {
                let id = AnnouncementID()
                let announcement = try await stores.announcements.post(
                    id, to: event, by: principal.userID, title: title, body: body, on: transaction)
                try await stores.audit.record(
                    "announcement.posted", by: principal.userID, subject: id.uuid, event: event,
                    AuditContent(after: ["title": title, "body": body]), on: transaction)
                return try answer(announcement)
            }
        }
    }
}
