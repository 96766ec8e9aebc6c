import Bootstrap
import SMTP
import Testing
import Webhooks

@testable import notifications

@Suite("What notifications is told at its start")
struct NotificationsSettingsTests {
    private func read(_ changes: [String: String]) throws -> NotificationsSettings {
        let usual = [
            "EM_DEMO": "true", "EM_HTTP_PORT": "0", "EM_PUBLIC_URL": "http://events.example.org",
            "EM_DATABASE_URL": "postgres://em:secret@127.0.0.1/em", "EM_AMQP_URL": "amqp://em:secret@127.0.0.1/",
            "EM_SMTP_URL": "smtp://127.0.0.1:25", "EM_MAIL_FROM": "EM-Connect <events@example.com>",
            "EM_WEBHOOK_KEY": WebhookKey().text,
        ]
        var reader = SettingsReader(environment: usual.merging(changes) { $1 })
        return try NotificationsSettings(&reader)
    }

    @Test(
        "a sender that mail servers would refuse stops the service at its start",
        arguments: [
            "", "nobody", "events@", "@example.com", "events@mail", "events@-example.com", "events@exam ple.com",
            "events@bücher.example", "büro@example.com", "a..b@example.com", "EM-Connect events@example.com",
            "EM-Connect <events@example.com", "events@example.com\r\nBcc: all@example.com",
            "\(String(repeating: "a", count: 65))@example.com",
        ])
    func wrongSender(sender: String) throws {
        let error = try #require(throws: SettingsError.self) { try read(["EM_MAIL_FROM": sender]) }
        #expect(error.problems.count == 1 && error.problems.allSatisfy { $0.hasPrefix("EM_MAIL_FROM") })
    }

    @Test(
        "a sender that they take is taken", arguments: ["events@example.com", "\"Büro, Ost\" <a.b+c@mail.example.com>"])
    func rightSender(sender: String) throws {
        #expect(try read(["EM_MAIL_FROM": sender]).mailFrom.domain.hasSuffix("example.com"))
    }

    @Test(
        "a name to greet with that mail servers would refuse stops it as well",
        arguments: ["my_host.example.com", "-a.example.com", "[1.2.3]", "mail.example.com/x"])
    func wrongGreeting(name: String) throws {
        let error = try #require(throws: SettingsError.self) {
            try read(["EM_SMTP_URL": "smtp://127.0.0.1:25/\(name)"])
        }
        #expect(error.problems.count == 1 && error.problems.allSatisfy { $0.hasPrefix("EM_SMTP_URL") })
    }

    @Test("it greets with the public host unless it is told another name")
    func greeting() throws {
        #expect(try read([:]).mailServer.description == "smtp://127.0.0.1:25/events.example.org")
        let named = ["EM_SMTP_URL": "smtp://127.0.0.1:25/mail.example.com"]
        #expect(try read(named).mailServer.description == "smtp://127.0.0.1:25/mail.example.com")
    }
}
