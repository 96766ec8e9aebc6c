import Bootstrap
import Domain
import FoundationEssentials
import Persistence
import QRCode
import SMTP

/// Makes the mail of a notification: words from the templates, the QR code, the calendar's invitation.
struct MailComposer: Sendable {
    let templates: MailTemplates
    let from: MailAddress
    let site: PublicURL

    init(from: MailAddress, site: PublicURL) throws {
        templates = try MailTemplates()
        self.from = from
        self.site = site
    }

    /// - Throws: `SMTPError` for an address that is none, `QRSymbolError`, or a decoding error: nothing that a second
    ///   attempt would cure.
    func compose(_ context: MailContext, at now: Date) throws -> MailMessage {
        let kind = context.notification.kind
        let identity = "\(context.notification.id)@\(from.domain)"
        let contentID = "ticket.\(identity)"
        let facts = try MailFacts(context, site: site, siteName: from.name ?? site.host, contentID: contentID)
        let rendered = try templates.render(kind, facts)
        var message = MailMessage(
            from: from, to: try MailAddress(name: facts.recipient, address: context.recipientEmail),
            subject: singleLine(rendered.subject), messageID: identity, date: now, text: rendered.text)
        message.html = rendered.html
        if let trace = TraceContext.current { message.headers = [("X-Trace-Id", trace.traceID)] }
        if kind.carriesTicket, let ticket = context.ticket {
            // Eight pixels a module: sharp at twice the 240 px at which the mail shows it, and still some 2 kB.
            let picture = try QRSymbol(text: ticket.qrText).png(modulePixels: 8)
            message.inlineParts = [
                .init(name: "ticket-\(ticket.code).png", mediaType: "image/png", bytes: picture, contentID: contentID)
            ]
        }
        if let entry = calendarEntry(context, at: now) {
            let calendar = Array(entry.text().utf8)
            let method = entry.method.rawValue
            message.invitation = .init(method: method, calendar: calendar)
            message.attachments = [
                .init(
                    name: "event.ics", mediaType: "text/calendar; charset=utf-8; method=\(method)", bytes: calendar)
            ]
        }
        return message
    }

    /// What the recipient's calendar should do; nothing for those who never had a place.
    private func calendarEntry(_ context: MailContext, at now: Date) -> CalendarEntry? {
        guard let registration = context.registration, registration.confirmedAt != nil else { return nil }
        let kind = context.notification.kind
        let isCancelled = kind == .registrationCancelled || kind == .eventCancelled
        let details = context.event.details
        return CalendarEntry(
            method: isCancelled ? .cancel : .request, uid: "\(registration.id)@\(site.host)",
            // Edits and the event's cancellation raise the version; leaving an event doesn't, and RFC 5546 (3.2.5)
            // wants a cancellation to come after what it cancels.
            sequence: context.event.version + (kind == .registrationCancelled ? 1 : 0), title: details.title,
            description: details.description, location: details.venue, startsAt: details.startsAt,
            endsAt: details.endsAt, stampedAt: now, url: site.link("/events/\(context.event.id)"),
            organizer: (context.event.organizerName, from.address),
            attendee: (context.recipientName, context.recipientEmail))
    }
}
