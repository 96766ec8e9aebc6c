import Domain
import FoundationEssentials
import Persistence
import SMTP
import Testing

@testable import notifications

@Suite struct MailComposerTests {
    let fixture = MailFixture()

    private func compose(
        _ kind: NotificationKind, status: RegistrationStatus = .confirmed, hadPlace: Bool = true,
        details: [UInt8]? = nil
    ) throws -> (mail: MailMessage, html: String) {
        let context = fixture.context(kind, status: status, hadPlace: hadPlace, details: details)
        let link = kind == .ticketTransferOffered ? "https://events.example.com/accept-ticket#token=x" : nil
        let mail = try fixture.composer().compose(context, MailLinks(action: link), at: fixture.now)
        return (mail, try #require(mail.html))
    }

    @Test(
        "Every kind has a subject, a text and an HTML part, with nothing left unfilled",
        arguments: NotificationKind.allCases.filter { !$0.isAboutAccount })
    func complete(kind: NotificationKind) throws {
        let (mail, html) = try compose(kind)
        #expect(mail.subject.contains("Größe & <Straße>"))
        for body in [mail.text, html] {
            #expect(body.contains("Ann Example"))
            #expect(body.contains("Saturday, 5 December 2026, 19:00 – 22:00"))
            #expect(body.contains("Europe/Berlin, UTC+1"))
            #expect(body.contains("https://events.example.com/events/01977000-0000-7000-8000-000000000002"))
            #expect(!body.contains("{{") && !body.contains("}}") && !body.contains("Optional("))
        }
        #expect(mail.text.split(separator: "\n").allSatisfy { $0.count <= 100 })
        #expect(!mail.text.contains("&amp;") && !mail.text.contains("&lt;"))
        #expect(html.contains("Größe &amp; &lt;Straße&gt;") && !html.contains("<Straße>"))
    }

    @Test(
        "Every kind is there in German too, with dates as Germans write them and no English left",
        arguments: NotificationKind.allCases)
    func german(kind: NotificationKind) throws {
        let change = EventData.Change(field: "venue", before: "Hall", after: nil)
        let details = kind == .eventUpdated ? try WireJSON.encode([change]) : nil
        var context =
            kind.isAboutAccount
            ? fixture.accountContext(kind, isVerified: true) : fixture.context(kind, details: details)
        context.language = .german
        let mail = try fixture.composer().compose(
            context, MailLinks(action: "https://events.example.com/x#token=y"), at: fixture.now)
        let html = try #require(mail.html)
        #expect(html.contains("<html lang=\"de\">"))
        for body in [mail.text, html] {
            #expect(body.contains("Guten Tag"))
            if !kind.isAboutAccount { #expect(body.contains("Samstag, 5. Dezember 2026, 19:00 – 22:00")) }
            #expect(!body.contains("{{") && !body.contains("}}") && !body.contains("Optional("))
            for word in ["Hello", "You get", "your ", "Your ", " the ", "Ticket code", "Place:"] {
                #expect(!body.contains(word), "\(word)")
            }
        }
        #expect(mail.text.split(separator: "\n").allSatisfy { $0.count <= 100 })
    }

    @Test("An organizer's paragraph and colour are in every mail to visitors; an announcement's words in its own lines")
    func wording() throws {
        var context = fixture.context(.announcement)
        guard case .event(var matter) = context.matter else { return }
        matter.settings = EventMailSettings(paragraph: "Bring <a coat>.\nAnd a hat.\n\nThank you", colour: "#7a1f3d")
        context.matter = .event(matter)
        let mail = try fixture.composer().compose(
            context, MailLinks(unsubscribe: SecretToken()), at: fixture.now)
        let html = try #require(mail.html)
        #expect(mail.subject == "Größe & <Straße>: Doors & times")
        #expect(mail.text.contains("Doors open at <six>.\nBring a coat.\n\nSee you!"))
        #expect(mail.text.contains("Bring <a coat>.\nAnd a hat.\n\nThank you"))
        #expect(html.contains("Doors open at &lt;six&gt;.<br>Bring a coat.<br></p>"))
        #expect(
            html.contains("Bring &lt;a coat&gt;.<br>And a hat.<br></p>") && html.contains("background-color:#7a1f3d"))
        #expect(mail.headers.map(\.0).contains("List-Unsubscribe") && mail.invitation == nil)
    }

    @Test(
        "An offered ticket shows whose it is and the link, neither QR code nor calendar entry; who handed it on has it no more"
    )
    func handedOn() throws {
        let (offer, html) = try compose(.ticketTransferOffered)
        for body in [offer.text, html] { #expect(body.contains("/accept-ticket#token=x")) }
        #expect(!offer.text.contains("7K3M") && offer.inlineParts.isEmpty && offer.invitation == nil)
        let (gone, _) = try compose(.ticketTransferred)
        let calendar = String(decoding: try #require(gone.invitation).calendar, as: UTF8.self)
        #expect(calendar.contains("METHOD:CANCEL\r\n") && calendar.contains("SEQUENCE:8\r\n"))
    }

    @Test("Who is taken into a team is told as what, and gets the way there")
    func team() throws {
        func texts(_ role: MembershipRole) throws -> [String] {
            let mail = try fixture.composer().compose(fixture.context(.memberAdded, role: role), at: fixture.now)
            #expect(mail.invitation == nil && mail.inlineParts.isEmpty)
            return [mail.text, try #require(mail.html)]
        }
        for text in try texts(.checkInStaff) {
            #expect(text.contains("check-in staff") && !text.contains("a co-organizer"))
            #expect(text.contains("https://events.example.com/gate/\(fixture.eventID)"))
        }
        for text in try texts(.coOrganizer) {
            #expect(text.contains("a co-organizer") && !text.contains("check-in staff"))
            #expect(text.contains("https://events.example.com/organizer/events/\(fixture.eventID)"))
        }
        #expect(SendEmail.overtaken(fixture.context(.memberAdded), at: fixture.now) == nil)
        #expect(SendEmail.overtaken(fixture.context(.memberAdded, role: nil), at: fixture.now) != nil)
    }

    @Test("Every attempt bears the same Message-ID, under the sender's domain")
    func messageID() throws {
        let context = fixture.context(.registrationConfirmed)
        let first = try fixture.composer().compose(context, at: fixture.now)
        let later = try fixture.composer().compose(context, at: fixture.now + 3600)
        #expect(first.messageID == "01977000-0000-7000-8000-000000000001@mail.example.com")
        #expect(later.messageID == first.messageID)
    }

    @Test(
        "A confirmation is the ticket: QR picture by content id, typed code, link",
        arguments: [
            NotificationKind.registrationConfirmed, .registrationPromoted,
        ])
    func ticket(kind: NotificationKind) throws {
        let (mail, html) = try compose(kind)
        let picture = try #require(mail.inlineParts.first)
        #expect(picture.mediaType == "image/png")
        #expect(html.contains("src=\"cid:\(try #require(picture.contentID))\""))
        #expect(picture.bytes.starts(with: [0x89, 0x50, 0x4E, 0x47]) && picture.bytes.count < 4_000)
        for body in [mail.text, html] {
            #expect(body.contains("7K3M-Q9XT-2VHD"))
            #expect(body.contains("https://events.example.com/tickets/01977000-0000-7000-8000-000000000005"))
        }
    }

    @Test(
        "No other kind shows a QR code",
        arguments: [
            NotificationKind.registrationCancelled, .registrationWaitlisted, .eventUpdated, .eventCancelled,
        ])
    func noTicket(kind: NotificationKind) throws {
        let (mail, html) = try compose(kind)
        #expect(mail.inlineParts.isEmpty && !html.contains("cid:") && !mail.text.contains("7K3M"))
    }

    @Test("The invitation asks for the event, in UTC, under an id that stays")
    func invitation() throws {
        let (mail, _) = try compose(.registrationConfirmed)
        let invitation = try #require(mail.invitation)
        let text = String(decoding: invitation.calendar, as: UTF8.self)
        #expect(invitation.method == "REQUEST" && text.contains("METHOD:REQUEST\r\n"))
        #expect(text.contains("UID:01977000-0000-7000-8000-000000000004@events.example.com\r\n"))
        #expect(text.contains("SEQUENCE:7\r\n") && text.contains("STATUS:CONFIRMED\r\n"))
        #expect(text.contains("DTSTART:20261205T180000Z\r\n") && text.contains("DTEND:20261205T210000Z\r\n"))
        #expect(text.contains("LOCATION:Haus 1\\; Saal \"B\"\\, Berlin\r\n"))
        #expect(mail.attachments.first?.bytes == invitation.calendar)
    }

    @Test(
        "A cancellation takes the entry out of the calendar again, with a later sequence",
        arguments: [
            (NotificationKind.registrationCancelled, 8), (.eventCancelled, 7),
        ])
    func calendarCancellation(kind: NotificationKind, sequence: Int) throws {
        let (mail, _) = try compose(kind, status: kind == .eventCancelled ? .confirmed : .cancelled)
        let text = String(decoding: try #require(mail.invitation).calendar, as: UTF8.self)
        #expect(text.contains("METHOD:CANCEL\r\n") && text.contains("STATUS:CANCELLED\r\n"))
        #expect(text.contains("UID:01977000-0000-7000-8000-000000000004@events.example.com\r\n"))
        #expect(text.contains("SEQUENCE:\(sequence)\r\n"))
    }

    @Test("Somebody in line hears the position and gets no calendar entry")
    func waitlisted() throws {
        let (mail, html) = try compose(.registrationWaitlisted, status: .waitlisted, hadPlace: false)
        #expect(mail.invitation == nil && mail.attachments.isEmpty)
        #expect(mail.text.contains("you are number 3 in line"))
        #expect(html.contains("you are number 3 in line"))
    }

    @Test("A change names what was and what is, in the event's zone, and only what concerns visitors")
    func changes() throws {
        let changes = [
            EventData.Change(field: "startsAt", before: "2026-12-05T17:00:00.000Z", after: "2026-12-05T18:00:00.000Z"),
            EventData.Change(field: "venue", before: "", after: "Saal <2>"),
            EventData.Change(field: "registrationClosesAt", before: "2026-12-01T00:00:00.000Z", after: nil),
        ]
        let (mail, html) = try compose(.eventUpdated, details: WireJSON.encode(changes))
        #expect(
            mail.text.contains(
                "Starts:\n    before: Saturday, 5 December 2026, 18:00\n    now:    Saturday, 5 December 2026, 19:00"))
        #expect(mail.text.contains("Place:\n    now:    Saal <2>"))
        #expect(html.contains("Saal &lt;2&gt;") && html.contains("line-through;\">Saturday, 5 December 2026, 18:00"))
        #expect(!mail.text.contains("2026-12-01") && !mail.text.contains("Closes"))
    }

    @Test("A name or title with line breaks cannot add a header or break the composing")
    func hostileTexts() throws {
        var fixture = fixture
        fixture.title = "Evil\r\nBcc: everyone@example.com"
        fixture.recipientName = "Ann\nExample"
        let mail = try fixture.composer().compose(fixture.context(.registrationConfirmed), at: fixture.now)
        #expect(mail.subject == "Your ticket for Evil  Bcc: everyone@example.com")
        #expect(mail.to.name == "Ann Example")
    }

    @Test("An address that is none is refused for good")
    func badAddress() throws {
        var fixture = fixture
        fixture.recipientEmail = "nobody"
        let error = #expect(throws: SMTPError.self) {
            try fixture.composer().compose(fixture.context(.registrationConfirmed), at: fixture.now)
        }
        #expect(error?.isRetriable == false)
    }
}

@Suite struct EventTimeTests {
    @Test("Times are the event's zone's, across its clock changes")
    func zones() {
        let berlin = EventTime(zoneName: "Europe/Berlin")
        let winter = Date(timeIntervalSince1970: 1_796_493_600)
        let summer = Date(timeIntervalSince1970: 1_782_928_800)  // 2026-07-01T18:00:00Z
        #expect(berlin.moment(winter) == "Saturday, 5 December 2026, 19:00")
        #expect(berlin.moment(summer) == "Wednesday, 1 July 2026, 20:00")
        #expect(berlin.zone(at: summer) == "Europe/Berlin, UTC+2")
        #expect(EventTime(zoneName: "Asia/Kathmandu").zone(at: winter) == "Asia/Kathmandu, UTC+5:45")
        #expect(EventTime(zoneName: "America/St_Johns").zone(at: winter) == "America/St_Johns, UTC−3:30")
        #expect(EventTime(zoneName: "UTC").zone(at: winter) == "UTC")
    }

    @Test("A range names the second day only when it is another")
    func ranges() {
        let berlin = EventTime(zoneName: "Europe/Berlin")
        let start = Date(timeIntervalSince1970: 1_796_493_600)
        #expect(berlin.range(start, start + 3600) == "Saturday, 5 December 2026, 19:00 – 20:00")
        #expect(
            berlin.range(start, start + 8 * 3600)
                == "Saturday, 5 December 2026, 19:00 – Sunday, 6 December 2026, 03:00")
    }

    @Test("An unknown zone is shown as UTC, and says so")
    func unknown() {
        let time = EventTime(zoneName: "Moon/Base")
        #expect(time.moment(Date(timeIntervalSince1970: 0)) == "Thursday, 1 January 1970, 00:00")
        #expect(time.zone(at: Date(timeIntervalSince1970: 0)) == "UTC")
    }
}
