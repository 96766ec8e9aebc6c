import Bootstrap
import Domain
import FoundationEssentials
import Persistence

/// The variables of the templates, besides the `subject`. The properties' names are the templates' names.
protocol MailFacts {}

/// The site's name and addresses.
struct SiteFacts {
    var name: String
    var url: String
    var registrationsURL: String
    var signInURL: String
    var forgotPasswordURL: String

    init(_ site: PublicURL, name: String) {
        self.name = name
        url = site.origin
        registrationsURL = site.link("/tickets")
        signInURL = site.link("/sign-in")
        forgotPasswordURL = site.link("/forgot-password")
    }
}

/// The variables of an account email.
struct AccountMailFacts: MailFacts {
    var site: SiteFacts
    /// Nil until the address is confirmed: whoever typed it could have put anything into the name, and the email may go
    /// to someone else.
    var recipient: String?
    /// With its token; nil if the email has none.
    var link: String?
    var linkLabel: String
    var minutes = Int(AccountLinkStore.lifetime / 60)

    init(_ context: MailContext, isVerified: Bool, link: String?, site: SiteFacts) {
        self.site = site
        recipient = isVerified ? singleLine(context.recipientName) : nil
        self.link = link
        linkLabel = MailWords(context.language).label(of: context.notification.kind)
    }
}

/// The variables of an email about a paused webhook.
struct SubscriptionMailFacts: MailFacts {
    var site: SiteFacts
    var recipient: String?
    var name: String
    var url: String
    var isDisabled: Bool
    var since: String
    var link: String
    var linkLabel: String

    init(_ context: MailContext, _ matter: MailContext.SubscriptionMatter, link: String, site: SiteFacts) {
        self.site = site
        recipient = context.recipientName.isEmpty ? nil : singleLine(context.recipientName)
        name = singleLine(matter.name)
        url = singleLine(matter.url)
        isDisabled = matter.isDisabled
        since = EventTime(zoneName: "UTC", language: context.language).moment(matter.since) + " UTC"
        self.link = link
        linkLabel = MailWords(context.language).openSubscriptions
    }
}

/// The variables of an event email.
struct EventMailFacts: MailFacts {
    struct EventFacts {
        var title: String
        /// Nil, with its section omitted, if the event has none.
        var venue: String?
        var date: String
        var when: String
        var zone: String
        var organizer: String
        var url: String
    }

    struct TicketFacts {
        var code: String
        var url: String
        /// The target of `cid:`.
        var contentID: String
    }

    struct TransferFacts {
        /// Nil for a name that an email client would turn into a link: the email goes to a stranger.
        var from: String?
        /// With its token.
        var link: String
        var until: String
    }

    struct Paragraph {
        var lines: [String]

        static func all(of text: String) -> [Paragraph] { paragraphs(text).map(Paragraph.init) }
    }

    struct AnnouncementFacts {
        var title: String
        var paragraphs: [Paragraph]
    }

    struct TeamFacts {
        /// `check-in staff`, `a co-organizer`
        var role: String
        var isStaff: Bool
        var linkLabel: String
        var link: String

        init(_ role: MembershipRole, in event: EventID, _ links: PublicURL, _ words: MailWords) {
            isStaff = role == .checkInStaff
            self.role = isStaff ? words.staff : words.coOrganizer
            linkLabel = isStaff ? words.openGate : words.openEvent
            link = links.link(isStaff ? "/gate/\(event)" : "/organizer/events/\(event)")
        }
    }

    struct Change {
        var label: String
        var before: String?
        var after: String
    }

    struct Links {
        var site: PublicURL
        /// An offer's link, with its token.
        var action: String?
        /// The unsubscribe link, with its token.
        var unsubscribe: String?
    }

    var site: SiteFacts
    /// Nil until the address is confirmed, as in ``AccountMailFacts``.
    var recipient: String?
    var unsubscribe: String?
    var event: EventFacts
    var ticket: TicketFacts?
    var transfer: TransferFacts?
    var team: TeamFacts?
    var announcement: AnnouncementFacts?
    /// The organizer's addition to every email to the event's attendees.
    var wording: [Paragraph]
    /// The organizer's color, `#0b6e5f`.
    var accent: String?
    var position: Int?
    /// Whether the recipient has a spot, rather than a waitlist position.
    var hasPlace: Bool
    /// Whether a canceled registration had a spot.
    var hadPlace: Bool
    var changes: [Change]
}

extension EventMailFacts {
    /// - Parameters:
    ///   - contentID: the QR code image's.
    init(
        _ context: MailContext, _ matter: MailContext.EventMatter, contentID: String, links sources: Links,
        siteFacts: SiteFacts
    ) throws {
        let links = sources.site
        let details = matter.event.details
        let words = MailWords(context.language)
        let time = EventTime(zoneName: details.timeZone, language: context.language)
        site = siteFacts
        unsubscribe = sources.unsubscribe
        recipient = context.recipientName.isEmpty ? nil : singleLine(context.recipientName)
        event = EventFacts(
            title: singleLine(details.title), venue: details.venue.isEmpty ? nil : singleLine(details.venue),
            date: time.day(details.startsAt), when: time.range(details.startsAt, details.endsAt),
            zone: time.zone(at: details.startsAt), organizer: singleLine(matter.event.organizerName),
            url: links.link("/events/\(matter.event.id)"))
        if context.notification.kind.carriesTicket, let ticket = matter.ticket {
            self.ticket = TicketFacts(
                code: ticket.code, url: links.link("/tickets/\(ticket.id)"), contentID: contentID)
        }
        if let offered = matter.transfer, let link = sources.action {
            transfer = TransferFacts(
                from: offered.fromName.looksLikeLink ? nil : singleLine(offered.fromName), link: link,
                until: "\(time.moment(offered.expiresAt)) (\(time.zone(at: offered.expiresAt)))")
        }
        team = matter.role.map { TeamFacts($0, in: matter.event.id, links, words) }
        announcement = matter.announcement.map {
            .init(title: singleLine($0.title), paragraphs: Paragraph.all(of: $0.body))
        }
        let isForVisitors = context.notification.kind != .memberAdded
        wording = isForVisitors ? Paragraph.all(of: matter.settings.paragraph) : []
        accent = matter.settings.colour
        position = matter.registration?.position
        hasPlace = matter.registration?.status == .confirmed
        hadPlace = matter.registration?.confirmedAt != nil
        changes = try matter.details.map { try AttendeeChanges.facts($0, time: time, words: words) } ?? []
    }
}

extension NotificationKind {
    /// Whether the email contains the ticket, for the first time or again.
    var carriesTicket: Bool {
        self == .registrationConfirmed || self == .registrationPromoted || self == .eventReminder
    }

    /// The purpose of the email's link, and the page that it opens; nil for emails without one.
    var link: (purpose: AccountLinkPurpose, page: String)? {
        switch self {
        case .accountVerifyEmail: (.verifyEmail, "/verify-email")
        case .accountResetPassword: (.resetPassword, "/reset-password")
        case .accountConfirmEmail: (.changeEmail, "/change-email")
        default: nil
        }
    }
}

/// The changes of an event that attendees are notified of; a new closing date for registration is not one.
enum AttendeeChanges {
    static func relevant(_ changes: [EventData.Change]) -> [EventData.Change] {
        changes.filter { MailWords(.english).label(ofField: $0.field) != nil }
    }

    /// - Parameter details: the JSON array of ``EventData/Change`` that the notification was planned with.
    static func facts(
        _ details: [UInt8], time: EventTime, words: MailWords
    ) throws -> [EventMailFacts.Change] {
        try WireJSON.decode([EventData.Change].self, from: details).compactMap { change in
            guard let label = words.label(ofField: change.field) else { return nil }
            return EventMailFacts.Change(
                label: label, before: shown(change.before, time), after: shown(change.after, time) ?? words.nothing)
        }
    }

    private static func shown(_ value: String?, _ time: EventTime) -> String? {
        guard let value, !value.isEmpty else { return nil }
        return Timestamp.parse(value).map(time.moment) ?? singleLine(value)
    }
}

/// Splits the text at empty lines, and into lines.
func paragraphs(_ text: String) -> [[String]] {
    text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).map { singleLine(String($0)) }
        .split { $0.allSatisfy(\.isWhitespace) }.map(Array.init)
}

/// `text` without line breaks and other control characters, which neither a header nor a line of an email can contain.
func singleLine(_ text: String) -> String {
    let breaks: (Unicode.Scalar) -> Bool = {
        $0.properties.generalCategory == .control || $0.properties.generalCategory == .lineSeparator
            || $0.properties.generalCategory == .paragraphSeparator
    }
    var line = String.UnicodeScalarView()
    for scalar in text.unicodeScalars { line.append(breaks(scalar) ? " " : scalar) }
    return String(line)
}

extension String {
    /// Whether an email client may turn part of it into a link: a URL, a host name, an email address.
    var looksLikeLink: Bool {
        contains("/") || contains("@")
            || split(whereSeparator: \.isWhitespace).contains { word in
                let labels = word.split(separator: ".", omittingEmptySubsequences: false)
                return labels.count > 1 && labels.dropLast().contains { $0.count > 1 } && (labels.last?.count ?? 0) > 1
            }
    }
}
