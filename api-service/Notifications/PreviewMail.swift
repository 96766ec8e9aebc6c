import Domain
import FoundationEssentials
import Persistence

/// Has notifications render an email that is not sent: only that service has the templates.
struct PreviewMail: Sendable {
    let stores: Stores
    let clock: @Sendable () -> Date
    /// How long a caller waits.
    var timeout = Duration.seconds(5)

    /// - Throws: ``APIProblem/unavailable(retryAfter:)`` if no notifications service responded in time.
    func perform(_ request: MailPreviewRequest) async throws -> (id: MailPreviewID, preview: MailPreview) {
        // The address authorizes its reader: all of it is random, unlike other ids.
        let id = MailPreviewID(UUID())
        try await stores.mailPreviews.ask(request, as: id, at: clock())
        let deadline = ContinuousClock.now + timeout
        var pause = Duration.milliseconds(20)
        while ContinuousClock.now < deadline {
            try await Task.sleep(for: pause)
            if let preview = try await stores.mailPreviews.find(id, now: clock()) { return (id, preview) }
            pause = min(pause * 2, .milliseconds(200))
        }
        throw APIProblem.unavailable()
    }
}
