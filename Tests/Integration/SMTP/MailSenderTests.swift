import FoundationEssentials
import Logging
import SMTP
import Testing

@Suite struct MailSenderTests {
    static func sender(
        port: Int, query: String = "", scheme: String = "smtp", threads: Int = 1,
        everyStep limit: Duration = .seconds(20),
        answer: Duration? = nil
    ) throws -> MailSender {
        var timeouts = SMTPTimeouts(everyStep: limit)
        timeouts.text = answer ?? limit
        return MailSender(
            try SMTPAddress(url: "\(scheme)://127.0.0.1:\(port)\(query)"), threads: threads, timeouts: timeouts,
            logger: Logger(label: "test"))
    }

    static func message(to recipient: String = "guest") throws -> MailMessage {
        var message = MailMessage(
            from: try MailAddress(name: "Jürgen's Events", address: "events@example.com"),
            to: try MailAddress(name: "Ann \"Guest\" Example", address: "\(recipient)@example.org"),
            subject: "Your ticket: Größe & Straße 🎟 — an evening with rather many words in its title",
            messageID: "01977000-0000-7000-8000-000000000001@example.com",
            date: Date(timeIntervalSince1970: 1_795_352_700), text: "Hello Ann,\n.a line with a dot\nGrüße\n")
        message.html = "<p>Grüße <img src=\"cid:qr@example.com\"></p>"
        message.inlineParts = [
            .init(name: "qr.png", mediaType: "image/png", bytes: Array(0...255), contentID: "qr@example.com")
        ]
        let calendar = Array("BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nEND:VCALENDAR\r\n".utf8)
        message.invitation = .init(method: "REQUEST", calendar: calendar)
        message.attachments = [.init(name: "event.ics", mediaType: "text/calendar; charset=utf-8", bytes: calendar)]
        return message
    }

    @Test("Python's email parser finds every part where it belongs and no defect")
    func structure() async throws {
        let server = try MailServer()
        try await Self.sender(port: server.port).send(Self.message())
        let mail = try server.nextMail()
        #expect(mail.defects == [])
        #expect(mail.root.shape == "mixed(alternative(plain,related(html,png),calendar),calendar)")
        let alternative = try #require(mail.root.children?.first?.children)
        #expect(alternative[0].text == "Hello Ann,\r\n.a line with a dot\r\nGrüße\r\n")
        #expect(alternative[1].children?[0].text == "<p>Grüße <img src=\"cid:qr@example.com\"></p>")
        let image = try #require(alternative[1].children?[1])
        #expect(image.cid == "<qr@example.com>" && image.disposition == "inline")
        #expect(image.base64 == Data(0...255).base64EncodedString())
        #expect(alternative[2].params["method"] == "REQUEST")
        let attachment = try #require(mail.root.children?.last)
        #expect(attachment.disposition == "attachment" && attachment.filename == "event.ics")
        #expect(attachment.text == "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nEND:VCALENDAR\r\n")
        // RFC 5322 wishes for 78 and demands 998; libcurl's Content-Type with its boundary takes 86.
        #expect(mail.longestLine <= 86)
    }

    @Test("The headers say who, to whom, what and when, readable in every script")
    func headers() async throws {
        let server = try MailServer()
        try await Self.sender(port: server.port).send(Self.message())
        let mail = try server.nextMail()
        #expect(mail.sender == "events@example.com" && mail.recipients == ["guest@example.org"])
        #expect(mail.headers["From"] == "Jürgen's Events <events@example.com>")
        #expect(mail.headers["To"] == "\"Ann \\\"Guest\\\" Example\" <guest@example.org>")
        #expect(mail.headers["Subject"] == (try Self.message()).subject)
        #expect(mail.headers["Date"] == "Sun, 22 Nov 2026 13:05:00 +0000")
        #expect(mail.headers["Message-ID"] == "<01977000-0000-7000-8000-000000000001@example.com>")
        #expect(mail.headers["Auto-Submitted"] == "auto-generated")
        #expect((mail.headers["MIME-Version"] ?? mail.headers["Mime-Version"]) == "1.0")
        #expect(mail.rawHeaders.utf8.allSatisfy { $0 < 0x80 })
    }

    @Test("A text alone is sent without the parts it has no use for")
    func plain() async throws {
        let server = try MailServer()
        var message = try Self.message()
        (message.html, message.inlineParts, message.invitation, message.attachments) = (nil, [], nil, [])
        try await Self.sender(port: server.port).send(message)
        #expect(try server.nextMail().root.shape == "mixed(alternative(plain))")
    }

    @Test("A thread keeps its connection from one message to the next, and after a refusal too")
    func reuse() async throws {
        let server = try MailServer()
        let sender = try Self.sender(port: server.port)
        try await sender.send(Self.message())
        try await sender.send(Self.message())
        let first = try server.nextMail().peerPort
        #expect(try server.nextMail().peerPort == first)
        await #expect(throws: SMTPError.self) { try await sender.send(Self.message(to: "refuse")) }
        try await sender.send(Self.message())
        _ = try server.nextMail()
    }

    @Test(
        "4xx can be tried again, 5xx cannot; both carry the server's code and words",
        arguments: [
            ("defer", 451, true, "451 4.3.0 try again later"), ("refuse", 550, false, "550 5.1.1 no such mailbox"),
            ("toobig", 552, false, "552 5.3.4 too big"),
        ])
    func rejected(recipient: String, code: Int, isRetriable: Bool, text: String) async throws {
        let server = try MailServer()
        let error = await #expect(throws: SMTPError.self) {
            try await Self.sender(port: server.port).send(Self.message(to: recipient))
        }
        #expect(error?.kind == .rejected && error?.code == code)
        #expect(error?.isRetriable == isRetriable && error?.outcomeUnknown == false)
        #expect(error?.serverText == text)
        #expect(error.map { "\($0)".contains("mailbox") } == false)
    }

    @Test("A port where nobody listens is unreachable at once")
    func unreachable() async throws {
        let port = try SilentServer().port  // closed again by now
        let error = await #expect(throws: SMTPError.self) {
            try await Self.sender(port: port).send(Self.message())
        }
        #expect(error?.kind == .unreachable && error?.isRetriable == true && error?.outcomeUnknown == false)
    }

    @Test("A server that accepts the connection and never speaks times out")
    func silent() async throws {
        let server = try SilentServer()
        let clock = ContinuousClock()
        let took = await clock.measure {
            let error = await #expect(throws: SMTPError.self) {
                try await Self.sender(port: server.port, everyStep: .milliseconds(700)).send(Self.message())
            }
            #expect(error?.kind == .timedOut && error?.isRetriable == true && error?.outcomeUnknown == false)
        }
        #expect(took < .seconds(5))
    }

    @Test("A server that takes the text and never answers times out, and nobody knows what became of it")
    func hanging() async throws {
        let server = try MailServer()
        let error = await #expect(throws: SMTPError.self) {
            try await Self.sender(port: server.port, everyStep: .seconds(1)).send(Self.message(to: "hang"))
        }
        #expect(error?.kind == .timedOut && error?.isRetriable == true && error?.outcomeUnknown == true)
    }

    @Test(
        "Each step has its own limit: the answer to the text may take longer than any other, and no longer than it may")
    func limits() async throws {
        #expect(SMTPTimeouts().text == .seconds(600))
        let server = try MailServer()
        // A second for the answer, when nothing else may take that long.
        try await Self.sender(port: server.port, everyStep: .milliseconds(700), answer: .seconds(20))
            .send(Self.message(to: "slow"))
        _ = try server.nextMail()
        let took = try await ContinuousClock().measure {
            let sender = try Self.sender(port: server.port, everyStep: .seconds(60), answer: .seconds(1))
            let error = await #expect(throws: SMTPError.self) { try await sender.send(Self.message(to: "hang")) }
            #expect(error?.kind == .timedOut && error?.outcomeUnknown == true)
        }
        #expect(took < .seconds(20))
    }

    @Test(
        "A refusal is the recipient's, the message's or ours, by where in the dialogue it comes and by its code",
        arguments: [
            ("greeting 554 no", SMTPError.Meaning.aboutUs), ("hello 550 who are you", .aboutUs),
            ("sender 553 5.1.8 bad sender", .aboutUs), ("sender 501 5.5.4 bad", .aboutUs),
            ("sender 552 5.3.4 too big", .final),
            ("recipient 504 5.5.2 need a whole name", .aboutUs), ("recipient 530 5.7.0 authenticate", .aboutUs),
            ("recipient 535 no", .aboutUs), ("recipient 554 5.7.1 Relay access denied", .aboutUs),
            ("recipient 550 5.7.1 Relaying denied", .aboutUs), ("recipient 550 5.1.1 no such mailbox", .final),
            ("recipient 551 moved", .final), ("recipient 553 5.1.3 bad syntax", .final),
            ("recipient 554 5.1.2 no such domain", .final), ("recipient 552 5.2.2 full", .passing),
            ("recipient 450 4.7.1 greylisted", .passing), ("sender 451 4.3.0 later", .passing),
            ("greeting 421 busy", .passing), ("text 554 5.7.1 looks like spam", .final),
        ])
    func meanings(says: String, meaning: SMTPError.Meaning) async throws {
        let parts = says.split(separator: " ", maxSplits: 1)
        let server = try RefusingServer(at: String(parts[0]), with: String(parts[1]))
        let error = await #expect(throws: SMTPError.self) {
            try await Self.sender(port: server.port).send(Self.message())
        }
        #expect(error?.meaning == meaning, "\(says): \(String(describing: error))")
        #expect(error?.outcomeUnknown == false)
        #expect(error?.serverText == String(parts[1]))
    }

    @Test(
        "Credentials are presented as the address says, with the command itself",
        arguments: [("plain", "AUTH PLAIN AGFubgBzZWNyZXQ="), ("login", "AUTH LOGIN YW5u")])
    func authentication(method: String, command: String) async throws {
        let server = try RefusingServer(at: "authentication", with: "535 5.7.8 no")
        let sender = MailSender(
            try SMTPAddress(url: "smtp://ann:secret@127.0.0.1:\(server.port)?tls=off&auth=\(method)"),
            logger: Logger(label: "test"))
        let error = await #expect(throws: SMTPError.self) { try await sender.send(Self.message()) }
        #expect(error?.meaning == .aboutUs)
        #expect(server.commands.contains(command), "\(server.commands)")
    }

    @Test(
        "We greet with the name that the address says, else with our own; a name that is none is refused",
        arguments: [
            ("", "events.example.com", "EHLO events.example.com"),
            ("/mail.example.org", "events.example.com", "EHLO mail.example.org"),
            ("", "192.0.2.7", "EHLO [192.0.2.7]"), ("", "2001:db8::7", "EHLO [IPv6:2001:db8::7]"),
            ("/web1", "events.example.com", nil), ("/-a.example.com", "a.b", nil), ("/a_b.example.com", "a.b", nil),
        ])
    func greeting(path: String, own: String, command: String?) async throws {
        let server = try RefusingServer(at: "sender", with: "451 later")
        func address() throws -> SMTPAddress {
            try SMTPAddress(url: "smtp://127.0.0.1:\(server.port)\(path)", greetingAs: own)
        }
        guard let command else {
            #expect(throws: SMTPError.self) { try address() }
            return
        }
        let sender = MailSender(try address(), logger: Logger(label: "test"))
        await #expect(throws: SMTPError.self) { try await sender.send(Self.message()) }
        #expect(server.commands.first == command)
    }

    @Test("A server that hangs up after the text is a lost connection, and nobody knows what became of it")
    func dropped() async throws {
        let server = try MailServer()
        let sender = try Self.sender(port: server.port)
        let error = await #expect(throws: SMTPError.self) { try await sender.send(Self.message(to: "drop")) }
        #expect(error?.kind == .connectionLost && error?.isRetriable == true && error?.outcomeUnknown == true)
        // The next one gets a new connection.
        try await sender.send(Self.message())
        _ = try server.nextMail()
    }

    @Test("A cancelled task gives up the message it is sending and the ones that wait")
    func cancelled() async throws {
        let server = try SilentServer()
        let sender = try Self.sender(port: server.port)
        let message = try Self.message()
        let running = Task { try await sender.send(message) }
        let waiting = Task { try await sender.send(message) }
        let deadline = ContinuousClock.now + .seconds(5)
        while sender.waiting != 1, ContinuousClock.now < deadline { await Task.yield() }
        waiting.cancel()
        running.cancel()
        for task in [running, waiting] {
            let error = await #expect(throws: SMTPError.self) { try await task.value }
            #expect(error?.kind == .cancelled)
        }
        #expect(ContinuousClock.now < deadline)
    }

    @Test("A message past the bound is refused at once")
    func overloaded() async throws {
        let server = try SilentServer()
        let timeouts = SMTPTimeouts(everyStep: .seconds(1))
        let address = try SMTPAddress(url: "smtp://127.0.0.1:\(server.port)")
        let sender = MailSender(
            address, threads: 1, maximumWaiting: 1, timeouts: timeouts, logger: Logger(label: "test"))
        let message = try Self.message()
        let kinds = await withTaskGroup(of: SMTPError.Kind?.self) { group in
            for _ in 0..<6 {
                group.addTask {
                    do throws(SMTPError) { try await sender.send(message) } catch { return error.kind }
                    return nil
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(kinds.contains(.overloaded) && kinds.contains(.timedOut) && !kinds.contains(nil))
    }

    @Test("STARTTLS is used when required, and its absence or a certificate nobody vouches for is an error")
    func startTLS() async throws {
        let secure = try MailServer(tls: .startTLS)
        let query = "?tls=required&ca=\(secure.authorities)"
        try await Self.sender(port: secure.port, query: query).send(Self.message())
        #expect(try secure.nextMail().tls)
        let plain = try MailServer()
        for (port, query) in [(plain.port, "?tls=required"), (secure.port, "?tls=required")] {
            let error = await #expect(throws: SMTPError.self) {
                try await Self.sender(port: port, query: query).send(Self.message())
            }
            #expect(error?.kind == .tls && error?.isRetriable == true)
        }
    }

    @Test("smtps speaks TLS from the first byte, and not with a certificate nobody vouches for or a server without TLS")
    func implicitTLS() async throws {
        let secure = try MailServer(tls: .implicit)
        let query = "?ca=\(secure.authorities)"
        try await Self.sender(port: secure.port, query: query, scheme: "smtps").send(Self.message())
        #expect(try secure.nextMail().tls)
        let plain = try MailServer()
        for port in [secure.port, plain.port] {
            let error = await #expect(throws: SMTPError.self) {
                try await Self.sender(port: port, scheme: "smtps").send(Self.message())
            }
            #expect(error?.kind == .tls && error?.isRetriable == true)
        }
    }
}
