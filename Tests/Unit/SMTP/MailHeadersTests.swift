import FoundationEssentials
import Testing

@testable import SMTP

@Suite struct MailHeadersTests {
    static func message(subject: String = "Hello", name: String? = "EM-Connect") throws -> MailMessage {
        MailMessage(
            from: try MailAddress(name: name, address: "events@example.com"),
            to: try MailAddress(address: "guest@example.org"), subject: subject, messageID: "1@example.com",
            date: Date(timeIntervalSince1970: 1_795_352_700), text: "Hello")
    }

    @Test("The date is RFC 5322's, in UTC")
    func date() {
        #expect(MailHeaders.rfc5322(Date(timeIntervalSince1970: 1_795_352_700.9)) == "Sun, 22 Nov 2026 13:05:00 +0000")
        #expect(MailHeaders.rfc5322(Date(timeIntervalSince1970: 0)) == "Thu, 01 Jan 1970 00:00:00 +0000")
    }

    @Test("A name is quoted, with quotes and backslashes escaped, or encoded when it is not ASCII")
    func mailboxes() throws {
        func shown(_ name: String?) throws -> String {
            MailHeaders.mailbox(try MailAddress(name: name, address: "a@example.com"))
        }
        #expect(try shown(nil) == "a@example.com")
        #expect(try shown("Ann O. \"X\" \\") == "\"Ann O. \\\"X\\\" \\\\\"\r\n <a@example.com>")
        #expect(try shown("Jürgen") == "=?UTF-8?B?SsO8cmdlbg==?=\r\n <a@example.com>")
    }

    @Test(
        "A value with a line break or another control character is refused, so that nobody adds a header",
        arguments: ["a\r\nBcc: x@example.com", "a\nb", "a\rb", "a\0b", "a\u{7F}", "a\u{85}b", "a\u{2028}b"])
    func injection(text: String) throws {
        #expect(throws: SMTPError.invalidMessage("subject")) {
            try MailHeaders.lines(of: Self.message(subject: text))
        }
        #expect(throws: SMTPError.invalidMessage("name")) { try MailAddress(name: text, address: "a@example.com") }
        #expect(throws: SMTPError.self) { try MailAddress(address: "\(text)@example.com") }
        var message = try Self.message()
        message.messageID = "1@\(text)"
        #expect(throws: SMTPError.invalidMessage("messageID")) { try MailHeaders.lines(of: message) }
        message = try Self.message()
        message.headers = [("X-Trace", text)]
        #expect(throws: SMTPError.invalidMessage("headers")) { try MailHeaders.lines(of: message) }
        message.headers = [(text, "x")]
        #expect(throws: SMTPError.invalidMessage("headers")) { try MailHeaders.lines(of: message) }
    }

    @Test("Further headers go along as they are")
    func additional() throws {
        var message = try Self.message()
        message.headers = [("X-Trace-Id", "0af7651916cd43dd8448eb211c80319c")]
        #expect(try MailHeaders.lines(of: message).last == "X-Trace-Id: 0af7651916cd43dd8448eb211c80319c")
    }

    @Test("No line is longer than 78 characters when the text has spaces, and unfolding gives the text back")
    func folding() {
        let text = "A rather long subject of  many words, " + String(repeating: "and some more ", count: 12) + "end"
        let folded = MailHeaders.unstructured(text, after: "Subject: ".count)
        #expect(folded.split(separator: "\r\n").allSatisfy { $0.utf8.count <= 78 })
        #expect(folded.split(separator: "\r\n").count > 2)
        #expect(folded.replacing("\r\n", with: "") == text)
    }

    @Test("Encoded words are at most 75 characters and never split one character")
    func encodedWords() throws {
        let text = String(repeating: "日本語🎟é", count: 15)
        let words = MailHeaders.encodedWords(text, after: "Subject: ".count).split(separator: "\r\n ")
        var decoded = ""
        for word in words {
            #expect(word.utf8.count <= 75 && word.hasPrefix("=?UTF-8?B?") && word.hasSuffix("?="))
            let bytes = try #require(Data(base64Encoded: String(word.dropFirst(10).dropLast(2))))
            decoded += try #require(String(validating: bytes, as: UTF8.self))
        }
        #expect(decoded == text)
    }

    @Test("An ASCII subject that looks like an encoded word is encoded, so that it reads as it was written")
    func lookalike() {
        #expect(MailHeaders.unstructured("=?UTF-8?B?eA==?=", after: 9).hasPrefix("=?UTF-8?B?PT9VVEYt"))
    }
}

@Suite struct SMTPAddressTests {
    @Test("Mailboxes are read as configuration writes them")
    func mailboxes() throws {
        let full = try MailAddress("EM-Connect <events@example.com>")
        #expect(full.name == "EM-Connect" && full.address == "events@example.com" && full.domain == "example.com")
        #expect(try MailAddress("\"A, B\" <a@b.c>").name == "A, B")
        #expect(try MailAddress("a@b.c").name == nil)
        for text in ["", "a", "a@", "@b", "a@b@c", "A <a@b.c", "A <a b@c>", "<>"] {
            #expect(throws: SMTPError.self) { try MailAddress(text) }
        }
    }

    @Test("Credentials never travel in the clear unless the address says so")
    func addresses() throws {
        #expect(try SMTPAddress(url: "smtp://127.0.0.1:1025").requiresTLS == false)
        #expect(try SMTPAddress(url: "smtp://u:p%40w@mail.example.com").requiresTLS)
        #expect(try SMTPAddress(url: "smtp://u:p%40w@mail.example.com").password == "p@w")
        #expect(try SMTPAddress(url: "smtp://u:p@localhost:1025?tls=off").requiresTLS == false)
        #expect(try SMTPAddress(url: "smtp://mail.example.com?tls=required").requiresTLS)
        #expect(try SMTPAddress(url: "smtps://mail.example.com").requiresTLS)
        #expect(try "\(SMTPAddress(url: "smtp://u:secret@mail.example.com:587"))" == "smtp://mail.example.com:587")
    }

    @Test(
        "Anything else is refused without repeating it",
        arguments: [
            "", "mail.example.com", "http://mail.example.com", "smtp://", "smtp://user@mail.example.com",
            "smtps://mail.example.com?tls=off", "smtp://mail.example.com?tls=maybe",
        ])
    func refused(url: String) throws {
        let error = #expect(throws: SMTPError.self) { try SMTPAddress(url: url) }
        #expect(error?.isRetriable == false)
    }
}
