import Domain
import Foundation
import Persistence
import SMTP
import Testing

@testable import notifications

/// Writes every mail as files, for eyes: `Tests/Browser/mail-pictures` photographs them.
@Suite struct MailSamples {
    private static let directory = ProcessInfo.processInfo.environment["EM_MAIL_SAMPLES"]

    @Test("Every mail in every language is written where EM_MAIL_SAMPLES says", .enabled(if: directory != nil))
    func write() throws {
        let directory = URL(fileURLWithPath: try #require(Self.directory))
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        var fixture = MailFixture()
        fixture.title = "An evening of strings and very long titles, with cake"
        fixture.venue = "Große Halle, Berlin"
        let changes = [
            EventData.Change(field: "venue", before: "Haus 1", after: "Große Halle, Berlin"),
            EventData.Change(field: "startsAt", before: "2026-12-05T17:00:00Z", after: "2026-12-05T18:00:00Z"),
        ]
        for kind in NotificationKind.allCases {
            for language in Language.allCases {
                var context =
                    kind.isAboutAccount
                    ? fixture.accountContext(kind, isVerified: true)
                    : fixture.context(
                        kind, status: kind == .registrationWaitlisted ? .waitlisted : .confirmed,
                        details: kind == .eventUpdated ? try WireJSON.encode(changes) : nil)
                context.language = language
                // Some with an organizer's own words and colour.
                if language == .german, case .event(var matter) = context.matter {
                    matter.settings = EventMailSettings(
                        paragraph: "Bitte bringen Sie warme Kleidung mit.\nDie Garderobe ist geöffnet.",
                        colour: "#7a1f3d")
                    context.matter = .event(matter)
                }
                let isOptional = kind.topic.map { !$0.isMailedAlways } ?? false
                let mail = try fixture.composer().compose(
                    context,
                    MailLinks(
                        action: "https://events.example.com/x#token=example",
                        unsubscribe: isOptional ? SecretToken() : nil), at: fixture.now)
                let html = MakePreview.standalone(mail)
                let name = "\(kind.rawValue).\(language.rawValue)"
                try html.write(to: directory.appendingPathComponent("\(name).html"), atomically: true, encoding: .utf8)
                try "Subject: \(mail.subject)\n\n\(mail.text)".write(
                    to: directory.appendingPathComponent("\(name).txt"), atomically: true, encoding: .utf8)
            }
        }
    }
}
