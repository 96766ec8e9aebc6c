import Domain
import FoundationEssentials
import Persistence
import Postgres
import TestSupport
import Testing

@testable import notifications

@Suite struct MakePreviewTests {
    @Test(
        "Every mail about an event can be seen before it is sent, in every language, with words that aren't saved yet")
    func everyKind() async throws {
        try await MailWorld.run { mail in
            let event = try await mail.world.event(of: mail.organizer, capacity: 10)
            let previews = MailPreviewStore(mail.world.database)
            let preview = MakePreview(
                previews: previews, events: EventStore(mail.world.database), composer: mail.send.composer)
            var asked: [MailPreviewID] = []
            for kind in NotificationKind.allCases where !kind.isAboutAccount {
                for language in Language.allCases {
                    let id = MailPreviewID(UUID())
                    try await previews.ask(
                        MailPreviewRequest(
                            event: event, kind: kind, language: language,
                            announcement: kind == .announcement ? ("Doors <soon>", "Come early.") : nil,
                            paragraph: kind == .memberAdded ? "" : "Bring a coat.", colour: "#7a1f3d"),
                        as: id, at: Date())
                    asked.append(id)
                }
            }
            for job in try await mail.outbox(WorkType.mailPreview.rawValue) { try await preview.handle(job) }
            for id in asked {
                let made = try #require(try await previews.find(id, now: Date()))
                let request = try #require(try await previews.request(id))
                #expect(!made.subject.isEmpty && made.text.contains(request.paragraph))
                #expect(made.html.contains("<html") && !made.html.contains("cid:"), "\(request.kind)")
                #expect(made.html.contains("data:image/png;base64,") == request.kind.carriesTicket, "\(request.kind)")
                if request.kind == .announcement { #expect(made.html.contains("Doors &lt;soon&gt;")) }
            }
            // A job that is delivered twice, and one whose preview is gone.
            let job = try #require(try await mail.outbox(WorkType.mailPreview.rawValue).first)
            try await preview.handle(job)
            try await mail.world.database.execute("DELETE FROM mail_previews")
            try await preview.handle(job)
        }
    }
}
