import Domain
import FoundationEssentials
import Persistence
import SMTP

/// Renders an email preview for an organizer, from the templates and through the same code as every other email, with
/// made-up people; it is not sent.
struct MakePreview: Sendable {
    let previews: MailPreviewStore
    let events: EventStore
    let composer: MailComposer
    var clock: @Sendable () -> Date = { Date() }

    /// Handles `mail.preview`. Idempotent.
    func handle(_ message: CloudEvent) async throws {
        let id = try message.payload(MailPreviewData.self).previewId
        guard let request = try await previews.request(id), let event = try await events.find(request.event) else {
            return
        }
        let token = SecretToken()
        let isOptional = request.kind.topic.map { !$0.isMailedAlways } ?? false
        let links = MailLinks(
            action: composer.link("/accept-ticket", token), unsubscribe: isOptional ? token : nil)
        let mail = try composer.compose(
            try MailContext(sampleFor: request, at: event, now: clock()), links, at: clock())
        try await previews.fulfil(
            id, MailPreview(subject: mail.subject, text: mail.text, html: Self.standalone(mail)))
    }

    /// The HTML with its images inlined, which a page can contain, but no email.
    static func standalone(_ mail: MailMessage) -> String {
        var html = mail.html ?? ""
        for part in mail.inlineParts {
            let picture = "data:\(part.mediaType);base64,\(Data(part.bytes).base64EncodedString())"
            html = html.replacing("cid:\(part.contentID ?? "")", with: picture)
        }
        return html
    }
}
