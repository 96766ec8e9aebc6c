import Access
import Domain
import FoundationEssentials
import HTTPTypes
import Hummingbird
import Persistence

/// What an organizer tells everybody.
struct AnnouncementRoutes: Sendable {
    let stores: Stores
    let authorization: Authorization
    let postAnnouncement: PostAnnouncement

    private struct AnnouncementJSON: Encodable {
        var id: AnnouncementID
        var eventId: EventID
        var title: String
        var body: String
        var at: Date
        var authorName: String

        init(_ announcement: Announcement) {
            id = announcement.id
            eventId = announcement.eventID
            title = announcement.title
            body = announcement.body
            at = announcement.at
            authorName = announcement.authorName
        }
    }

    @Sendable func list(_ request: Request, _ context: APIContext) async throws -> Response {
        let event = try await authorization.event(
            try context.id(of: EventSubject.self), .listAnnouncements, context.principal)
        return try await context.page(.announcements, of: QueryFields(request), AnnouncementJSON.init) {
            try await stores.announcements.list(of: event.id, after: $0, limit: $1)
        }
    }

    @Sendable func post(_ request: Request, _ context: APIContext) async throws -> Response {
        let principal = try context.signedIn()
        let event = try await authorization.event(
            try context.id(of: EventSubject.self), .postAnnouncement, principal)
        var fields = try await BodyFields(request)
        let title = fields.text("title", 1...200)
        let body = fields.text("body", 1...10_000, multiline: true)
        try fields.validation.check()
        if event.storedStatus == .draft { throw DomainError.eventNotPublished }
        let answered = try await postAnnouncement.perform(
            title: title, body: body, to: event.id, by: principal,
            once: try context.idempotentRequest(request, body: fields.bytes)
        ) { try .json(AnnouncementJSON($0), status: .created) }
        return Response(answered)
    }
}
