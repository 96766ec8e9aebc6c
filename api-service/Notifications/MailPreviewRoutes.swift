import Access
import Domain
import FoundationEssentials
import HTTPTypes
import Hummingbird
import Persistence

/// Email previews for organizers.
struct MailPreviewRoutes: Sendable {
    let stores: Stores
    let authorization: Authorization
    let previewMail: PreviewMail
    let clock: @Sendable () -> Date

    private struct PreviewJSON: Encodable {
        var id: MailPreviewID
        var subject: String
        var text: String
        /// For a sandboxed frame (`<iframe sandbox>`).
        var htmlUrl: String
    }

    @Sendable func create(_ request: Request, _ context: APIContext) async throws -> Response {
        let principal = try context.signedIn()
        let event = try await authorization.event(try context.id(of: EventSubject.self), .viewMailings, principal)
        let stored = try await stores.mailSettings.find(event.id)
        var fields = try await BodyFields(request, context)
        let kind = fields.choice("kind", of: NotificationKind.allCases.filter { !$0.isAboutAccount })
        var language = fields.optionalChoice("language", of: Language.allCases)
        // An announcement's; ignored in other emails, but validated all the same.
        let isAnnouncement = kind == .announcement
        let title = isAnnouncement || fields.has("title") ? fields.text("title", 1...200) : ""
        let body = isAnnouncement || fields.has("body") ? fields.text("body", 1...10_000, multiline: true) : ""
        let paragraph =
            fields.has("paragraph") ? fields.text("paragraph", 0...2000, multiline: true) : stored.paragraph
        let colour = fields.has("colour") ? fields.colour("colour") : stored.colour
        let wanted = try fields.validation.checked(kind)
        if language == nil { language = try await stores.preferences.find(principal.userID)?.language }
        let (id, preview) = try await previewMail.perform(
            MailPreviewRequest(
                event: event.id, kind: wanted, language: language ?? .english,
                announcement: isAnnouncement ? (title, body) : nil,
                paragraph: paragraph, colour: colour))
        return try .json(
            PreviewJSON(
                id: id, subject: preview.subject, text: preview.text, htmlUrl: "/api/v1/mail-previews/\(id).html"))
    }

    /// A frame has no access token: its unguessable address is the authorization.
    @Sendable func show(_ request: Request, _ context: APIContext) async throws -> Response {
        let id = try context.id(of: MailPreviewSubject.self)
        guard let preview = try await stores.mailPreviews.find(id, now: clock()) else { throw DomainError.notFound }
        return .text(preview.html, type: "text/html; charset=utf-8")
    }
}
