import Access
import Domain
import FoundationEssentials
import Persistence
import Postgres

/// Posts or schedules an announcement.
struct PostAnnouncement: Sendable {
    let stores: Stores
    let clock: @Sendable () -> Date

    struct NewAnnouncement: Sendable {
        var title: String
        var body: String
        var audience: Audience
        /// Nil for now.
        var sendAt: Date?
    }

    /// - Parameters:
    ///   - request: with its Idempotency-Key it is posted once.
    ///   - answer: makes the response, which is stored with the announcement.
    func perform(
        _ draft: NewAnnouncement, to event: EventID, by principal: Principal, once request: IdempotentRequest?,
        _ answer: (Announcement) throws -> StoredResponse
    ) async throws -> Answered {
        let now = clock()
        return try await stores.change(once: request) { transaction in
            let id = AnnouncementID()
            let announcement = try await stores.announcements.post(
                id, to: event, by: principal.userID, title: draft.title, body: draft.body, audience: draft.audience,
                at: draft.sendAt, now: now, on: transaction)
            var content = ["title": draft.title, "body": draft.body, "audience": draft.audience.rawValue]
            content["sendAt"] = draft.sendAt.map(Timestamp.text)
            return Change(
                try answer(announcement),
                AuditRecord(
                    draft.sendAt == nil ? "announcement.posted" : "announcement.scheduled", by: principal.userID,
                    subject: id.uuid, event: event, AuditContent(after: content)))
        }
    }
}

struct CancelAnnouncement: Sendable {
    let stores: Stores

    /// - Throws: ``DomainError/notFound``, ``DomainError/alreadyPosted``.
    func perform(_ id: AnnouncementID, of event: EventID, by principal: Principal) async throws -> Announcement {
        try await stores.change { transaction in
            let (announcement, isNew) = try await stores.announcements.cancel(id, of: event, on: transaction)
            guard isNew else { return .unchanged(announcement) }
            return Change(
                announcement,
                AuditRecord("announcement.cancelled", by: principal.userID, subject: id.uuid, event: event))
        }
    }
}
