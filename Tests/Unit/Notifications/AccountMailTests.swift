import Domain
import Persistence
import SMTP
import Testing

@testable import notifications

@Suite struct AccountMailTests {
    let fixture = MailFixture()

    private func compose(
        _ kind: NotificationKind, isVerified: Bool = true
    ) throws -> (mail: MailMessage, html: String, link: String) {
        let composer = try fixture.composer()
        let link = composer.link("/page", SecretToken())
        let context = fixture.accountContext(kind, isVerified: isVerified)
        let mail = try composer.compose(context, MailLinks(action: kind.link.map { _ in link }), at: fixture.now)
        return (mail, try #require(mail.html), link)
    }

    @Test(
        "Every kind has a subject, a text and an HTML part, with nothing left unfilled and nothing of an event",
        arguments: NotificationKind.allCases.filter(\.isAboutAccount))
    func complete(kind: NotificationKind) throws {
        let (mail, html, link) = try compose(kind)
        #expect(mail.subject.contains("EM-Connect") && !mail.subject.contains("{"))
        for body in [mail.text, html] {
            // A new address is nobody's before it is confirmed.
            #expect(body.contains(kind == .accountConfirmEmail ? "Hello," : "Hello Ann Example,"))
            #expect(!body.contains("{{") && !body.contains("}}") && !body.contains("Optional("))
            #expect(!body.contains("registered for this event") && !body.contains("/tickets"))
            #expect(body.contains(link) == (kind.link != nil))
            #expect(body.contains("within 60 minutes") == (kind.link != nil))
        }
        #expect(mail.text.split(separator: "\n").allSatisfy { $0.count <= 100 })
        #expect(mail.invitation == nil && mail.attachments.isEmpty && mail.inlineParts.isEmpty)
        #expect(mail.messageID == "\(fixture.notificationID)@mail.example.com")
    }

    @Test("A link carries its token behind the #, which no server gets to see")
    func fragment() throws {
        let token = SecretToken()
        #expect(
            try fixture.composer().link("/verify-email", token)
                == "https://events.example.com/verify-email#token=\(token.text)")
    }

    @Test(
        "An address that is not confirmed gets no word of whoever typed it",
        arguments: [NotificationKind.accountVerifyEmail, .accountResetPassword, .accountAlreadyRegistered])
    func noForeignWords(kind: NotificationKind) throws {
        var fixture = fixture
        fixture.recipientName = "You won, see evil.example"
        let mail = try fixture.composer().compose(
            fixture.accountContext(kind, isVerified: false), MailLinks(action: "https://events.example.com/x"),
            at: fixture.now)
        #expect(mail.to.name == nil && mail.text.contains("Hello,"))
        #expect(!mail.text.contains("evil") && mail.html?.contains("evil") == false)
    }

    @Test("Who has an account, or a changed password, learns where to choose another")
    func wayOut() throws {
        for kind in [NotificationKind.accountAlreadyRegistered, .accountPasswordChanged] {
            let (mail, html, _) = try compose(kind)
            for body in [mail.text, html] { #expect(body.contains("https://events.example.com/forgot-password")) }
        }
    }
}
