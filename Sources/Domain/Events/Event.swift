public import FoundationEssentials

/// The life cycle of an event. `ended` is never stored: it is a published event whose end has passed.
public enum EventStatus: String, Codable, Sendable, CaseIterable {
    case draft, published, cancelled, ended
}

/// The capacity and counts of one event at one moment. `revision` increases with every change and tells which of two is
/// newer.
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

/// The part of an event that its organizer edits.
public struct EventDetails: Codable, Hashable, Sendable {
    public var title: String
    public var description: String
    public var venue: String
    public var startsAt: Date
    public var endsAt: Date
    /// An IANA name, such as `Europe/Berlin`: the time zone of the event's times.
    public var timeZone: String
    public var capacity: Int
    public var waitlistEnabled: Bool
    /// Whether the waitlist still moves up after registration has closed.
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

    /// Times that both PostgreSQL and RFC 3339 can represent.
    public static let possibleTimes =
        Date(timeIntervalSince1970: -2_208_988_800)...Date(timeIntervalSince1970: 7_258_118_400)

    /// Trims texts, canonicalizes the time zone, and validates everything.
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

/// The progress of work that is done in steps.
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
    /// As stored: draft, published or cancelled. Use `status(at:)` for display.
    public var storedStatus: EventStatus
    /// For a canceled event, no one is confirmed or waitlisted.
    public var places: Places
    /// The target of a capacity raise while the waitlist moves up; nil when that is done.
    public var capacityTarget: Int?
    /// The progress of revoking a canceled event's tickets; nil when that is done.
    public var cancellationProgress: StepProgress?
    /// Increases with edits only; the ETag.
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

/// The part of an event that decides whether registration is open and whether the waitlist moves.
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

    /// Why no one can register at this moment, or nil if they can.
    /// - Parameter ignoringTimes: whether to ignore when registration opens and closes, and check only the event's
    ///   status.
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

    /// Whether a free spot goes to the waitlist at this moment.
    public func allowsPromotion(at now: Date) -> Bool {
        guard status == .published, now < endsAt else { return false }
        guard let closesAt, closesAt <= now else { return true }
        return promoteAfterClose
    }
}
