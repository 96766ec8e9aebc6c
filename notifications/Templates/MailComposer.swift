import Bootstrap
import Domain
import FoundationEssentials
import Persistence
import QRCode
import SMTP

/// The links of one email that contain tokens.
struct MailLinks {
    /// The link of the email's main action.
    var action: String?
    /// The unsubscribe link for this kind of email.
    var unsubscribe: SecretToken?
}

/// Composes the email of a notification: text from the templates, the QR code, the calendar invitation.
struct MailComposer: Sendable {
    let templates: MailTemplates
    let from: MailAddress
    let site: PublicURL

    init(from: MailAddress, site: PublicURL) throws {
        templates = try MailTemplates()
        self.from = from
        self.site = site
    }

    /// The link that contains a token. The token is in the fragment, which browsers don't send, so that it appears in
    /// no server log and no Referer.
    func link(_ page: String, _ token: SecretToken) -> String { site.link("\(page)#token=\(token.text)") }

    /// - Throws: `SMTPError` for an invalid address, `QRSymbolError`, or a decoding error: none would be fixed by a
    ///   retry.
    func compose(_ context: MailContext, _ links: MailLinks = MailLinks(), at now: Date) throws -> MailMessage {
        let site = SiteFacts(site, name: from.name ?? site.host)
        switch context.matter {
        case .account(let isVerified, _):
            let facts = AccountMailFacts(context, isVerified: isVerified, link: links.action, site: site)
            return try message(context, to: facts.recipient, facts, at: now)
        case .subscription(let matter):
            let facts = SubscriptionMailFacts(
                context, matter, link: self.site.link("/organizer/subscriptions"), site: site)
            return try message(context, to: facts.recipient, facts, at: now)
        case .event(let matter):
            let contentID = "ticket.\(identity(context))"
            let facts = try EventMailFacts(
                context, matter, contentID: contentID,
                links: .init(
                    site: self.site, action: links.action,
                    unsubscribe: links.unsubscribe.map { link("/unsubscribe", $0) }), siteFacts: site)
            var message = try message(context, to: facts.recipient, facts, at: now)
            if let token = links.unsubscribe {
                // RFC 8058: one-click unsubscribe, without signing in. The web server logs no query strings.
                let address = self.site.link("/api/v1/unsubscribe?token=\(token.text)")
                message.headers += [
                    ("List-Unsubscribe", "<\(address)>"), ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
                ]
            }
            // The reply-to address is the organizer's choice; without one, the sender.
            if let address = matter.settings.replyTo {
                message.replyTo = try MailAddress(name: singleLine(matter.event.organizerName), address: address)
            }
            try attach(matter, of: context, contentID: contentID, to: &message, at: now)
            return message
        }
    }

    /// The Message-ID, the same for every attempt.
    private func identity(_ context: MailContext) -> String { "\(context.notification.id)@\(from.domain)" }

    private func message(
        _ context: MailContext, to recipient: String?, _ facts: some MailFacts, at now: Date
    ) throws -> MailMessage {
        let rendered = try templates.render(context.notification.kind, in: context.language, facts)
        var message = MailMessage(
            from: from, to: try MailAddress(name: recipient, address: context.recipientEmail),
            subject: singleLine(rendered.subject), messageID: identity(context), date: now, text: rendered.text)
        message.html = rendered.html
        if let trace = TraceContext.current { message.headers = [("X-Trace-Id", trace.traceID)] }
        return message
    }

    /// Attaches the ticket's QR code and the calendar entry.
    private func attach(
        _ matter: MailContext.EventMatter, of context: MailContext, contentID: String, to message: inout MailMessage,
        at now: Date
    ) throws {
        if context.notification.kind.carriesTicket, let ticket = matter.ticket {
            // Eight pixels per module: sharp at twice the 240 px at which the email shows it, and still about 2 kB.
            let picture = try QRSymbol(text: ticket.qrText).png(modulePixels: 8)
            message.inlineParts = [
                .init(name: "ticket-\(ticket.code).png", mediaType: "image/png", bytes: picture, contentID: contentID)
            ]
        }
        if let entry = calendarEntry(context, matter, at: now) {
            let calendar = Array(entry.text().utf8)
            let method = entry.method.rawValue
            message.invitation = .init(method: method, calendar: calendar)
            message.attachments = [
                .init(
                    name: "event.ics", mediaType: "text/calendar; charset=utf-8; method=\(method)", bytes: calendar)
            ]
        }
    }

    /// The calendar entry for the recipient; nil for those who never had a spot.
    private func calendarEntry(
        _ context: MailContext, _ matter: MailContext.EventMatter, at now: Date
    ) -> CalendarEntry? {
        guard let registration = matter.registration, registration.confirmedAt != nil, matter.transfer == nil else {
            return nil
        }
        let kind = context.notification.kind
        // Nothing that affects a calendar.
        if kind == .announcement || kind == .eventReminder { return nil }
        let isOver = kind == .registrationCancelled || kind == .ticketTransferred
        let isCancelled = isOver || kind == .eventCancelled
        let details = matter.event.details
        return CalendarEntry(
            method: isCancelled ? .cancel : .request, uid: "\(registration.id)@\(site.host)",
            // Edits and the event's cancellation increase the version. So does, for the calendars of both people, each
            // transfer of the ticket: someone who gets it back has the cancellation already. Leaving an event increases
            // neither, and RFC 5546 (3.2.5) requires a cancellation to come after what it cancels.
            sequence: matter.event.version + max(matter.transfers, kind == .ticketTransferred ? 1 : 0)
                + (kind == .registrationCancelled ? 1 : 0), title: details.title,
            description: details.description, location: details.venue, startsAt: details.startsAt,
            endsAt: details.endsAt, stampedAt: now, url: site.link("/events/\(matter.event.id)"),
            organizer: (matter.event.organizerName, matter.settings.replyTo ?? from.address),
            attendee: (
                context.recipientName.isEmpty ? context.recipientEmail : context.recipientName, context.recipientEmail
            ))
    }
}
