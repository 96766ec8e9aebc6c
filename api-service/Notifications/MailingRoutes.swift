import Access
import Domain
import FoundationEssentials
import Hummingbird
import Persistence

struct MailingRoutes: Sendable {
    let stores: Stores
    let authorization: Authorization

    @Sendable func list(_ request: Request, _ context: APIContext) async throws -> Response {
        let event = try await event(context)
        return try await context.page(.mailings, of: QueryFields(request), MailingJSON.init) {
            try await stores.mailings.list(of: event, after: $0, limit: $1)
        }
    }

    @Sendable func show(_ request: Request, _ context: APIContext) async throws -> Response {
        let event = try await event(context)
        let id = try context.id("mailingId", of: MailingSubject.self)
        guard let mailing = try await stores.mailings.find(id, of: event) else { throw DomainError.notFound }
        return try .json(MailingJSON(mailing))
    }

    private func event(_ context: APIContext) async throws -> EventID {
        try await authorization.event(try context.id(of: EventSubject.self), .viewMailings, try context.signedIn()).id
    }
}

struct MailingJSON: Encodable {
    struct Progress: Encodable {
        var recipients: Int
        var queued: Int
        var sent: Int
        var retrying: Int
        var failed: Int
        var muted: Int
    }

    var id: MailingID
    var eventId: EventID
    var kind: NotificationKind
    var audience: Audience
    var status: MailingStatus
    @Nullable var title: String?
    @Nullable var body: String?
    @Nullable var authorName: String?
    var at: Date
    @Nullable var finishedAt: Date?
    var progress: Progress

    init(_ mailing: Mailing) {
        let counted = mailing.progress
        id = counted.id
        eventId = mailing.eventID
        kind = counted.kind
        audience = mailing.audience
        status = counted.status
        title = mailing.announcement?.title
        body = mailing.announcement?.body
        authorName = mailing.announcement?.authorName
        at = mailing.at
        finishedAt = mailing.doneAt
        progress = Progress(
            recipients: counted.recipients, queued: counted.queued, sent: counted.sent, retrying: counted.retrying,
            failed: counted.failed, muted: counted.muted)
    }
}
