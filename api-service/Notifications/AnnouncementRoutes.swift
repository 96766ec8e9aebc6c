import Access
import Domain
import FoundationEssentials
import HTTPTypes
import Hummingbird
import Persistence

/// Announcements to an event's people.
struct AnnouncementRoutes: Sendable {
    let stores: Stores
    let authorization: Authorization
    let postAnnouncement: PostAnnouncement
    let cancelAnnouncement: CancelAnnouncement
    let clock: @Sendable () -> Date

    /// How far ahead one can be scheduled, in seconds.
    private static let farthest: TimeInterval = 366 * 86_400

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
        var fields = try await BodyFields(request, context)
        var announcement = PostAnnouncement.NewAnnouncement(
            title: fields.text("title", 1...200), body: fields.text("body", 1...10_000, multiline: true),
            audience: fields.audience())
        announcement.sendAt = fields.optionalDate("sendAt")
        if let time = announcement.sendAt {
            let now = clock()
            if time <= now {
                fields.validation.fail("sendAt", .inThePast)
            } else if time > now + Self.farthest {
                fields.validation.fail("sendAt", .moreThanAYearAhead)
            } else if time >= event.details.endsAt {
                fields.validation.fail("sendAt", .afterEnd)
            }
        }
        try fields.validation.check()
        if event.storedStatus == .draft { throw DomainError.eventNotPublished }
        if announcement.sendAt != nil, event.storedStatus == .cancelled { throw DomainError.eventCancelled }
        let answered = try await postAnnouncement.perform(
            announcement, to: event.id, by: principal, once: try context.idempotentRequest(request, body: fields.bytes)
        ) { try .json(AnnouncementJSON($0), status: .created) }
        return Response(answered)
    }

    @Sendable func cancel(_ request: Request, _ context: APIContext) async throws -> Response {
        let principal = try context.signedIn()
        let event = try await authorization.event(
            try context.id(of: EventSubject.self), .postAnnouncement, principal)
        let id = try context.id("announcementId", of: AnnouncementSubject.self)
        return try .json(
            AnnouncementJSON(try await cancelAnnouncement.perform(id, of: event.id, by: principal)))
    }

    private struct ReachJSON: Encodable {
        var recipients: Int
        /// Those of them who want it by email.
        var mails: Int
    }

    @Sendable func preview(_ request: Request, _ context: APIContext) async throws -> Response {
        let event = try await authorization.event(
            try context.id(of: EventSubject.self), .postAnnouncement, try context.signedIn())
        var fields = try await BodyFields(request, context)
        let audience = fields.audience()
        try fields.validation.check()
        let reach = try await stores.mailings.reach(audience, at: event.id)
        return try .json(ReachJSON(recipients: reach.recipients, mails: reach.mails))
    }
}

extension BodyFields {
    fileprivate mutating func audience() -> Audience {
        optionalChoice("audience", of: Audience.allCases) ?? .all
    }
}

struct AnnouncementJSON: Encodable {
    var id: AnnouncementID
    var eventId: EventID
    var title: String
    var body: String
    var at: Date
    var authorName: String
    var audience: Audience
    var status: Announcement.Status

    init(_ announcement: Announcement) {
        id = announcement.id
        eventId = announcement.eventID
        title = announcement.title
        body = announcement.body
        at = announcement.at
        authorName = announcement.authorName
        audience = announcement.audience
        status = announcement.status
    }
}
