public import FoundationEssentials

/// A topic that a socket can subscribe to.
public enum Topic: Hashable, Sendable, CustomStringConvertible {
    /// Public: counts, edits and announcements of one event.
    case event(EventID)
    /// Private: updates for one signed-in person. Clients call it `me`.
    case person(UserID)
    /// The live dashboard of one event.
    case organizer(EventID)

    /// The name on Redis channels, after `em:live:`.
    public var channel: String {
        switch self {
        case .event(let id): "em:live:event:\(id)"
        case .person(let id): "em:live:me:\(id)"
        case .organizer(let id): "em:live:organizer:\(id)"
        }
    }

    /// The name in frames.
    public var description: String {
        switch self {
        case .event(let id): "event:\(id)"
        case .person: "me"
        case .organizer(let id): "organizer:\(id)"
        }
    }
}

/// A live update: one server frame of the WebSocket contract.
public enum LiveUpdate: Hashable, Sendable {
    case counts(EventID, Places)
    case event(EventID, version: Int, status: EventStatus)
    case announcement(EventID, id: AnnouncementID, title: String, body: String, at: Date)
    case registration(
        UserID, id: RegistrationID, eventID: EventID, status: RegistrationStatus, position: Int?)
    case ticket(UserID, id: TicketID, registrationID: RegistrationID, eventID: EventID, status: TicketStatus)
    case notification(UserID, id: NotificationID, kind: NotificationKind, status: NotificationStatus)
    /// The number of unread notifications after someone has read some.
    case unread(UserID, Int)
    /// One scan. Used in Redis only: the hub turns it into ``checkIns(_:checkedIn:revision:last:)``.
    case checkIn(EventID, ticketID: TicketID, at: Date, gate: String?)
    /// The number of check-ins, and the latest ones, newest first.
    case checkIns(EventID, checkedIn: Int, revision: Int, last: [LatestCheckIn])
    /// An email of the event was sent or failed. Used in Redis only: the hub turns it into
    /// ``deliveryProblems(_:retrying:failed:revision:)``.
    case delivery(EventID, NotificationStatus)
    /// The number of the event's emails being retried, and of those that failed.
    case deliveryProblems(EventID, retrying: Int, failed: Int, revision: Int)
    /// An event's mailings have changed. Used in Redis only: the hub turns it into ``mailings(_:_:revision:)``.
    case mailing(EventID)
    /// The progress of mailings that are in progress or recently finished; newest first.
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
    ///   - topic: another topic whose subscribers get it too; nil for its own.
    ///   - publishedAt: when it is sent to the hubs, by the sender's clock; in milliseconds.
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

/// Someone who has just been checked in; ids only, because the API checks who can see names.
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

public struct MailingProgress: Hashable, Codable, Sendable {
    public var id: MailingID
    public var kind: NotificationKind
    public var status: MailingStatus
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

/// The life cycle of a mailing.
public enum MailingStatus: String, Codable, Sendable, CaseIterable {
    /// Due in the future.
    case scheduled
    /// Its notifications are being planned, in steps.
    case planning
    /// All notifications are planned; some are unsent.
    case sending
    /// None is waiting.
    case done
    /// Canceled before it was due.
    case cancelled
}
