import Bootstrap
import Domain
import FoundationEssentials
import SMTP

@testable import Persistence
@testable import notifications

/// An event in Berlin's winter, a registration for it and its ticket.
struct MailFixture {
    let notificationID = NotificationID("01977000-0000-7000-8000-000000000001")!
    let eventID = EventID("01977000-0000-7000-8000-000000000002")!
    let userID = UserID("01977000-0000-7000-8000-000000000003")!
    let registrationID = RegistrationID("01977000-0000-7000-8000-000000000004")!
    let ticketID = TicketID("01977000-0000-7000-8000-000000000005")!
    /// 5 December 2026, 19:00 in Berlin.
    let start = Date(timeIntervalSince1970: 1_796_493_600)
    let now = Date(timeIntervalSince1970: 1_795_352_700)
    /// As long as a real one.
    let qrText = "EM1:" + String(repeating: "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", count: 5) + "ABCDEFGHIJKLM"

    var title = "Größe & <Straße>"
    var venue = "Haus 1; Saal \"B\", Berlin"
    var timeZone = "Europe/Berlin"
    var recipientName = "Ann Example"
    var recipientEmail = "ann@example.org"

    func composer() throws -> MailComposer {
        try MailComposer(
            from: MailAddress("EM-Connect <events@mail.example.com>"), site: PublicURL("https://events.example.com"))
    }

    func context(
        _ kind: NotificationKind, status: RegistrationStatus = .confirmed, hadPlace: Bool = true,
        details: [UInt8]? = nil,
        role: MembershipRole? = .checkInStaff
    ) -> MailContext {
        let notification = Persistence.Notification(
            id: notificationID, userID: userID, eventID: eventID, eventTitle: title, registrationID: registrationID,
            kind: kind, channel: "email", status: .queued, attempts: 0, lastError: nil, nextAttemptAt: nil,
            createdAt: now, sentAt: nil)
        let eventDetails = EventDetails(
            title: title, description: "An evening.\nWith cake, and more; really.", venue: venue, startsAt: start,
            endsAt: start + 3 * 3600, timeZone: timeZone, capacity: 100)
        let event = Event(
            id: eventID, ownerID: userID, organizerName: "The Organizer", details: eventDetails,
            storedStatus: .published, places: Places(revision: 1, confirmed: 1, waitlisted: 0, capacity: 100),
            version: 7, createdAt: now, updatedAt: now, publishedAt: now, cancelledAt: nil)
        let registration = Registration(
            id: registrationID, eventID: eventID, userID: userID, status: status,
            position: status == .waitlisted ? 3 : nil, createdAt: now, confirmedAt: hadPlace ? now : nil,
            cancelledAt: status == .cancelled ? now : nil)
        let ticket = Ticket(
            id: ticketID, eventID: eventID, registrationID: registrationID, userID: userID, code: "7K3M-Q9XT-2VHD",
            qrText: qrText, status: .valid, issuedAt: now, revokedAt: nil, checkedInAt: nil)
        var matter = MailContext.EventMatter(
            event: event, registration: registration, ticket: hadPlace ? ticket : nil, details: details)
        if kind == .announcement {
            matter.announcement = ("Doors & times", "Doors open at <six>.\nBring a coat.\n\nSee you!")
        }
        if kind == .ticketTransferOffered { matter.transfer = transfer }
        if kind == .memberAdded { (matter.role, matter.registration, matter.ticket) = (role, nil, nil) }
        return MailContext(
            notification: notification, recipientName: recipientName, recipientEmail: recipientEmail,
            matter: .event(matter))
    }

    /// The recipient offers the ticket to somebody of whom only the address is known.
    private var transfer: TicketTransfer {
        TicketTransfer(
            id: TransferID(), ticketID: ticketID, registrationID: registrationID, eventID: eventID, fromUserID: userID,
            toUserID: nil, fromName: recipientName, recipientEmail: "friend@example.org", status: .offered,
            createdAt: now, expiresAt: now + 604_800)
    }

    /// Of a mail about the recipient's account.
    func accountContext(_ kind: NotificationKind, isVerified: Bool) -> MailContext {
        let notification = Persistence.Notification(
            id: notificationID, userID: userID, eventID: nil, eventTitle: nil, registrationID: nil, kind: kind,
            channel: "email", status: .queued, attempts: 0, lastError: nil, nextAttemptAt: nil, createdAt: now,
            sentAt: nil)
        let webhook = MailContext.SubscriptionMatter(
            name: "Our CRM", url: "https://crm.example.com/hooks", isDisabled: false, since: now)
        return MailContext(
            notification: notification, recipientName: recipientName, recipientEmail: recipientEmail,
            matter: kind == .subscriptionPaused
                ? .subscription(webhook) : .account(isVerified: isVerified, isSignUp: false))
    }
}
