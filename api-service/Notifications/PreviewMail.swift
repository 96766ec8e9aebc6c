import Domain
import FoundationEssentials
import Persistence

/// Has notifications make a mail that nobody gets: the templates are there, and only there.
struct PreviewMail: Sendable {
    let stores: Stores
    let clock: @Sendable () -> Date
    /// How long somebody waits who wants to see it.
    var timeout = Duration.seconds(5)

    /// - Throws: ``APIProblem/unavailable(retryAfter:)`` when no notifications service answered in time.
    func perform(_ request: MailPreviewRequest) async throws -> (id: MailPreviewID, preview: MailPreview) {
        // Whoever has the address sees the page: all of it is drawn at random, unlike other identities.
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
