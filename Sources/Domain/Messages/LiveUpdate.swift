public import FoundationEssentials

/// What a socket can listen to.
public enum Topic: Hashable, Sendable, CustomStringConvertible {
    /// Public: counts, edits and announcements of one event.
    case event(EventID)
    /// Private: what concerns one signed-in person. Clients name it `me`.
    case person(UserID)
    /// The live dashboard of one event.
    case organizer(EventID)

    /// The name on Redis channels, behind `em:live:`.
    public var channel: String {
        switch self {
        case .event(let id): "em:live:event:\(id)"
        case .person(let id): "em:live:me:\(id)"
        case .organizer(let id): "em:live:organizer:\(id)"
        }
    }

    /// The name in the frames.
    public var description: String {
        switch self {
        case .event(let id): "event:\(id)"
        case .person: "me"
        case .organizer(let id): "organizer:\(id)"
        }
    }
}

/// What a browser hears: one server frame of the WebSocket contract.
public enum LiveUpdate: Hashable, Sendable {
    case counts(EventID, Places)
    case event(EventID, version: Int, status: EventStatus)
    case announcement(EventID, id: AnnouncementID, title: String, body: String, at: Date)
    case registration(
        UserID, id: RegistrationID, eventID: EventID, status: RegistrationStatus, position: Int?)
    case ticket(UserID, id: TicketID, registrationID: RegistrationID, eventID: EventID, status: TicketStatus)
    case notification(UserID, id: NotificationID, kind: NotificationKind, status: NotificationStatus)
    /// How many notifications somebody has not read, now that they have read some.
    case unread(UserID, Int)
    /// One scan. On its way through Redis only: the hub makes ``checkIns(_:checkedIn:revision:last:)`` of it.
    case checkIn(EventID, ticketID: TicketID, at: Date, gate: String?)
    /// How many came so far, and who last, the newest first.
    case checkIns(EventID, checkedIn: Int, revision: Int, last: [LatestCheckIn])
    /// A mail of the event went or did not go. On its way through Redis only: the hub makes
    /// ``deliveryProblems(_:retrying:failed:revision:)`` of it.
    case delivery(EventID, NotificationStatus)
    /// How many mails of the event are still being tried, and how many were given up.
    case deliveryProblems(EventID, retrying: Int, failed: Int, revision: Int)
    /// Something about the mailings of an event is new. On its way through Redis only: the hub makes
    /// ``mailings(_:_:revision:)`` of it.
    case mailing(EventID)
    /// How far the mailings came that are on their way, or were until lately; the newest first.
    case mailings(EventID, [MailingProgress], revision: Int)

    public var topic: Topic {
        switch self {
        case .counts(let id, _), .event(let id, _, _), .announcement(let id, _, _, _, _): .event(id)
        case .registration(let id, _, _, _, _), .ticket(let id, _, _, _, _), .notification(let id, _, _, _),
            .unread(let id, _):
            .person(id)
        case .checkIn(let id, _, _, _), .checkIns(let id, _, _, _), .delivery(let id, _),
            .deliveryProblems(let id, _, _, _), .mailing(let id), .mailings(let id, _, _):
            .organizer(id)
        }
    }

    /// The whole frame as JSON.
    /// - Parameters:
    ///   - topic: another topic whose listeners hear it too; nil for its own.
    ///   - publishedAt: when it leaves for the hubs, by the clock of whoever sends it; in milliseconds.
    public func frame(on topic: Topic? = nil, publishedAt: Date? = nil) throws -> [UInt8] {
        var frame = Frame(type: "", topic: (topic ?? self.topic).description)
        frame.publishedAt = publishedAt
        switch self {
        case .counts, .event, .announcement: fillPublic(&frame)
        case .registration, .ticket, .notification, .unread: fillPersonal(&frame)
        case .checkIn, .checkIns, .delivery, .deliveryProblems, .mailing, .mailings: fillDashboard(&frame)
        }
        return try WireJSON.encode(frame)
    }

    private func fillPublic(_ frame: inout Frame) {
        switch self {
        case .counts(_, let places):
            frame.type = "counts"
            frame.revision = places.revision
            frame.confirmed = places.confirmed
            frame.waitlisted = places.waitlisted
            frame.capacity = places.capacity
        case .event(_, let version, let status):
            frame.type = "event"
            frame.version = version
            frame.status = status.rawValue
        case .announcement(_, let id, let title, let body, let at):
            frame.type = "announcement"
            frame.id = id.description
            frame.title = title
            frame.body = body
            frame.at = at
        default: break
        }
    }

    private func fillPersonal(_ frame: inout Frame) {
        switch self {
        case .registration(_, let id, let eventID, let status, let position):
            frame.type = "registration"
            frame.id = id.description
            frame.registrationId = id
            frame.eventId = eventID
            frame.status = status.rawValue
            frame.position = position
        case .ticket(_, let id, let registrationID, let eventID, let status):
            frame.type = "ticket"
            frame.id = id.description
            frame.registrationId = registrationID
            frame.eventId = eventID
            frame.status = status.rawValue
        case .notification(_, let id, let kind, let status):
            frame.type = "notification"
            frame.id = id.description
            frame.kind = kind.rawValue
            frame.status = status.rawValue
        case .unread(_, let count):
            frame.type = "unread"
            frame.unread = count
        default: break
        }
    }

    private func fillDashboard(_ frame: inout Frame) {
        switch self {
        case .checkIn(_, let ticketID, let at, let gate):
            frame.type = "checkIns"
            frame.last = [LatestCheckIn(ticketId: ticketID, at: at, gate: gate)]
        case .checkIns(_, let checkedIn, let revision, let last):
            frame.type = "checkIns"
            frame.checkedIn = checkedIn
            frame.revision = revision
            frame.last = last
        case .delivery(_, let status):
            frame.type = "deliveryProblems"
            frame.status = status.rawValue
        case .deliveryProblems(_, let retrying, let failed, let revision):
            frame.type = "deliveryProblems"
            frame.retrying = retrying
            frame.failed = failed
            frame.revision = revision
        case .mailing: frame.type = "mailings"
        case .mailings(_, let items, let revision):
            frame.type = "mailings"
            frame.items = items
            frame.revision = revision
        default: break
        }
    }

    private struct Frame: Encodable {
        var type: String
        var topic: String
        var id: String?
        var revision: Int?
        var confirmed: Int?
        var waitlisted: Int?
        var capacity: Int?
        var version: Int?
        var status: String?
        var kind: String?
        var position: Int?
        var eventId: EventID?
        var registrationId: RegistrationID?
        var title: String?
        var body: String?
        var at: Date?
        var checkedIn: Int?
        var last: [LatestCheckIn]?
        var retrying: Int?
        var failed: Int?
        var items: [MailingProgress]?
        var unread: Int?
        var publishedAt: Date?
    }
}

/// Somebody who has just come in; ids only, the API gives names to those who may see them.
public struct LatestCheckIn: Hashable, Codable, Sendable {
    public var ticketId: TicketID
    public var at: Date
    public var gate: String?

    public init(ticketId: TicketID, at: Date, gate: String?) {
        self.ticketId = ticketId
        self.at = at
        self.gate = gate
    }
}

/// How far a mailing came.
public struct MailingProgress: Hashable, Codable, Sendable {
    public var id: MailingID
    public var kind: NotificationKind
    public var status: MailingStatus
    /// How many it is for.
    public var recipients: Int
    public var queued: Int
    public var sent: Int
    public var retrying: Int
    public var failed: Int
    public var muted: Int

    public init(
        id: MailingID, kind: NotificationKind, status: MailingStatus, recipients: Int, queued: Int, sent: Int,
        retrying: Int, failed: Int, muted: Int
    ) {
        self.id = id
        self.kind = kind
        self.status = status
        self.recipients = recipients
        self.queued = queued
        self.sent = sent
        self.retrying = retrying
        self.failed = failed
        self.muted = muted
    }
}

/// The life of a mailing.
public enum MailingStatus: String, Codable, Sendable, CaseIterable {
    /// Its time has not come.
    case scheduled
    /// The notifications are being written down, step by step.
    case planning
    /// All are written down; some are still to be sent.
    case sending
    /// None waits any more.
    case done
    /// Taken back before its time.
    case cancelled
}
