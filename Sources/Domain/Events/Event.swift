public import FoundationEssentials

/// Where an event is in its life. `ended` is never stored: a published event whose end has passed.
public enum EventStatus: String, Codable, Sendable, CaseIterable {
    case draft, published, cancelled, ended
}

/// The places of one event at one moment. `revision` rises with every change, so that of two the newer is known.
public struct Places: Codable, Hashable, Sendable {
    public var revision: Int
    public var confirmed: Int
    public var waitlisted: Int
    public var capacity: Int

    public init(revision: Int, confirmed: Int, waitlisted: Int, capacity: Int) {
        self.revision = revision
        self.confirmed = confirmed
        self.waitlisted = waitlisted
        self.capacity = capacity
    }
}

/// What an organizer decides about an event.
public struct EventDetails: Codable, Hashable, Sendable {
    public var title: String
    public var description: String
    public var venue: String
    public var startsAt: Date
    public var endsAt: Date
    /// An IANA name, such as `Europe/Berlin`: the zone in which the event's times are meant.
    public var timeZone: String
    public var capacity: Int
    public var waitlistEnabled: Bool
    /// Whether the line still moves up once registration has closed.
    public var promoteAfterClose: Bool
    public var registrationOpensAt: Date?
    public var registrationClosesAt: Date?
    public var checkInOpensAt: Date?

    public init(
        title: String, description: String, venue: String, startsAt: Date, endsAt: Date, timeZone: String,
        capacity: Int, waitlistEnabled: Bool = false, promoteAfterClose: Bool = true,
        registrationOpensAt: Date? = nil, registrationClosesAt: Date? = nil, checkInOpensAt: Date? = nil
    ) {
        self.title = title
        self.description = description
        self.venue = venue
        self.startsAt = startsAt
        self.endsAt = endsAt
        self.timeZone = timeZone
        self.capacity = capacity
        self.waitlistEnabled = waitlistEnabled
        self.promoteAfterClose = promoteAfterClose
        self.registrationOpensAt = registrationOpensAt
        self.registrationClosesAt = registrationClosesAt
        self.checkInOpensAt = checkInOpensAt
    }

    /// Times that PostgreSQL and RFC 3339 both can write.
    public static let possibleTimes =
        Date(timeIntervalSince1970: -2_208_988_800)...Date(timeIntervalSince1970: 7_258_118_400)

    /// Trims the texts, gives the time zone its name of today, and checks everything.
    public func validated() throws(DomainError) -> EventDetails {
        var validation = Validation()
        var checked = self
        checked.title = validation.text("title", title, 1...200)
        checked.description = validation.text("description", description, 0...20_000, multiline: true)
        checked.venue = validation.text("venue", venue, 0...300)
        if let zone = ZoneNames.canonical(timeZone) {
            checked.timeZone = zone
        } else {
            validation.fail("timeZone", .notATimeZone)
        }
        let capacities = 1...1_000_000
        if !capacities.contains(capacity) { validation.fail("capacity", .outOfRange(capacities)) }
        let times: [(String, Date?)] = [
            ("startsAt", startsAt), ("endsAt", endsAt), ("registrationOpensAt", registrationOpensAt),
            ("registrationClosesAt", registrationClosesAt), ("checkInOpensAt", checkInOpensAt),
        ]
        for case (let field, let time?) in times where !Self.possibleTimes.contains(time) {
            validation.fail(field, .impossibleDate)
        }
        if endsAt <= startsAt { validation.fail("endsAt", .beforeStart) }
        if let opens = registrationOpensAt, let closes = registrationClosesAt, closes <= opens {
            validation.fail("registrationClosesAt", .beforeRegistrationOpens)
        }
        if let closes = registrationClosesAt, closes > endsAt {
            validation.fail("registrationClosesAt", .afterEnd)
        }
        if let opens = checkInOpensAt, opens >= endsAt {
            validation.fail("checkInOpensAt", .afterEnd)
        }
        try validation.check()
        return checked
    }
}

/// How far work has come that is done in steps.
public struct StepProgress: Hashable, Sendable {
    public var done: Int
    public var total: Int

    public init(done: Int, total: Int) {
        self.done = done
        self.total = total
    }
}

/// An event as it is stored and shown.
public struct Event: Hashable, Sendable {
    public var id: EventID
    public var ownerID: UserID
    public var organizerName: String
    public var details: EventDetails
    /// As stored: draft, published or cancelled. Ask `status(at:)` for what to show.
    public var storedStatus: EventStatus
    /// Of a cancelled event: nobody is confirmed or waits.
    public var places: Places
    /// What the capacity is being raised to, while the waitlist moves up; nil when that is done.
    public var capacityTarget: Int?
    /// How far the event's tickets have been revoked, from when it was called off until that is done.
    public var cancellationProgress: StepProgress?
    /// Rises with edits only; the ETag.
    public var version: Int
    public var createdAt: Date
    public var updatedAt: Date
    public var publishedAt: Date?
    public var cancelledAt: Date?

    public init(
        id: EventID, ownerID: UserID, organizerName: String, details: EventDetails, storedStatus: EventStatus,
        places: Places, version: Int, createdAt: Date, updatedAt: Date, publishedAt: Date?, cancelledAt: Date?
    ) {
        self.id = id
        self.ownerID = ownerID
        self.organizerName = organizerName
        self.details = details
        self.storedStatus = storedStatus
        self.places = places
        self.version = version
        self.createdAt = createdAt
        self.updatedAt = updatedAt
        self.publishedAt = publishedAt
        self.cancelledAt = cancelledAt
    }

    public func status(at now: Date) -> EventStatus {
        storedStatus == .published && details.endsAt <= now ? .ended : storedStatus
    }
}

/// What decides whether a place may be asked for, and whether the line moves: the part of an event that the door looks
/// at.
public struct RegistrationWindow: Hashable, Sendable {
    public var status: EventStatus
    public var endsAt: Date
    public var opensAt: Date?
    public var closesAt: Date?
    public var promoteAfterClose: Bool

    public init(
        status: EventStatus, endsAt: Date, opensAt: Date?, closesAt: Date?, promoteAfterClose: Bool = true
    ) {
        self.status = status
        self.endsAt = endsAt
        self.opensAt = opensAt
        self.closesAt = closesAt
        self.promoteAfterClose = promoteAfterClose
    }

    /// Why nobody may register at this moment, or nil when they may.
    /// - Parameter ignoringTimes: whether only the event's own life counts, not when registration opens and closes.
    public func refusal(at now: Date, ignoringTimes: Bool = false) -> DomainError? {
        switch status {
        case .draft: return .eventNotPublished
        case .cancelled: return .eventCancelled
        case .ended: return .eventEnded
        case .published: break
        }
        if endsAt <= now { return .eventEnded }
        if ignoringTimes { return nil }
        if let opensAt, now < opensAt { return .registrationNotOpen }
        if let closesAt, closesAt <= now { return .registrationClosed }
        return nil
    }

    /// Whether a free place goes to the first in line at this moment.
    public func allowsPromotion(at now: Date) -> Bool {
        guard status == .published, now < endsAt else { return false }
        guard let closesAt, closesAt <= now else { return true }
        return promoteAfterClose
    }
}
