import Access
import Domain
import Persistence
import Postgres

/// Tells everybody who looks at an event something.
struct PostAnnouncement: Sendable {
    let stores: Stores

    func perform(
        title: String, body: String, to event: EventID, by principal: Principal
    ) async throws -> Announcement {
        let id = AnnouncementID()
        return try await stores.database.transaction { transaction in
            let announcement = try await stores.announcements.post(
                id, to: event, by: principal.userID, title: title, body: body, on: transaction)
            try await stores.audit.record(
                "announcement.posted", by: principal.userID, subject: id.uuid, event: event, on: transaction)
            return announcement
        }
    }
}
