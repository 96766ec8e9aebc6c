public import FoundationEssentials

/// A waitlisted registration that is next to be promoted.
public struct WaitlistEntry: Hashable, Sendable {
    public var registrationID: RegistrationID
    public var userID: UserID
    /// The number drawn on joining the waitlist; the lowest is promoted first.
    public var lineNumber: Int
    public var createdAt: Date

    public init(registrationID: RegistrationID, userID: UserID, lineNumber: Int, createdAt: Date) {
        self.registrationID = registrationID
        self.userID = userID
        self.lineNumber = lineNumber
        self.createdAt = createdAt
    }
}

/// An event's limits and counters, and the rule over them: who is confirmed, who is waitlisted, who is promoted.
///
/// A pure value. ``RegistrationStore`` makes it from the event's capacity row, whose lock it holds, and writes it back before
/// that lock is released. Strictly first come, first served: while someone on the waitlist can be promoted, no new
/// registration takes a spot.
public struct EventCapacity: Sendable {
    /// What a new registration becomes.
    public enum Result: Hashable, Sendable {
        case confirmed
        /// The number drawn, and the waitlist position, from 1.
        case waitlisted(lineNumber: Int, position: Int)
    }

    public let eventID: EventID
    public let ownerID: UserID
    public var window: RegistrationWindow
    public var waitlistEnabled: Bool
    public private(set) var places: Places
    /// The capacity to be reached step by step while people on the waitlist take the added spots; nil if there is none.
    public private(set) var capacityTarget: Int?
    public private(set) var lastLineNumber: Int
    /// The front of the waitlist, in order: as many as can be promoted in this batch, or all.
    private var front: [WaitlistEntry] = []

    public init(
        eventID: EventID, ownerID: UserID, window: RegistrationWindow, waitlistEnabled: Bool, places: Places,
        capacityTarget: Int? = nil, lastLineNumber: Int
    ) {
        self.eventID = eventID
        self.ownerID = ownerID
        self.window = window
        self.waitlistEnabled = waitlistEnabled
        self.places = places
        self.capacityTarget = capacityTarget
        self.lastLineNumber = lastLineNumber
    }

    public var free: Int { places.capacity - places.confirmed }

    /// How many entries of the waitlist have to be read for a batch with this many cancellations: each one promotes at
    /// most one, or removes one from the front.
    public func promotable(withCancellations cancellations: Int, at now: Date) -> Int {
        window.allowsPromotion(at: now) ? min(places.waitlisted, max(0, free) + cancellations) : 0
    }

    public mutating func setWaitlistFront(_ entries: [WaitlistEntry]) { front = entries }

    /// Gives a new registration a spot, or a waitlist position.
    /// - Parameter ignoringTimes: for an organizer, who can add people before registration opens and after it closes.
    /// - Throws: ``DomainError``: notFound for a draft, what the window says, full.
    public mutating func register(
        at now: Date, ignoringTimes: Bool = false, as newcomer: (registration: RegistrationID, user: UserID)
    ) throws(DomainError) -> Result {
        // A draft is not public.
        if window.status == .draft { throw ignoringTimes ? .eventNotPublished : .notFound }
        if let refusal = window.refusal(at: now, ignoringTimes: ignoringTimes) { throw refusal }
        let waitlistIsFirst = places.waitlisted > 0 && window.allowsPromotion(at: now)
        if free > 0, !waitlistIsFirst {
            places.confirmed += 1
            places.revision += 1
            return .confirmed
        }
        guard waitlistEnabled else { throw .full }
        lastLineNumber += 1
        // The whole waitlist was read, so the newcomer extends it.
        if front.count == places.waitlisted {
            front.append(
                WaitlistEntry(
                    registrationID: newcomer.registration, userID: newcomer.user, lineNumber: lastLineNumber,
                    createdAt: now))
        }
        places.waitlisted += 1
        places.revision += 1
        return .waitlisted(lineNumber: lastLineNumber, position: places.waitlisted)
    }

    /// Releases the spot, or the waitlist position, of a registration that had this status.
    public mutating func release(_ registration: RegistrationID, _ status: RegistrationStatus) {
        switch status {
        case .confirmed: places.confirmed -= 1
        case .waitlisted:
            places.waitlisted -= 1
            front.removeAll { $0.registrationID == registration }
        case .cancelled: return
        }
        places.revision += 1
    }

    /// Promotes the front of the waitlist if a spot is free; nil if there is no such spot or no one to promote.
    public mutating func promoteNext(at now: Date) -> WaitlistEntry? {
        guard free > 0, window.allowsPromotion(at: now), !front.isEmpty else { return nil }
        places.confirmed += 1
        places.waitlisted -= 1
        places.revision += 1
        return front.removeFirst()
    }

    /// Changes the capacity. A raise while people who can be promoted are waitlisted becomes a target: no spot is free before
    /// they have been promoted by ``raise(at:)``.
    /// - Throws: ``DomainError/capacityBelowConfirmed(confirmed:)``.
    public mutating func setCapacity(_ capacity: Int, at now: Date) throws(DomainError) {
        guard capacity >= places.confirmed else { throw .capacityBelowConfirmed(confirmed: places.confirmed) }
        let hasPromotions = places.waitlisted > 0 && window.allowsPromotion(at: now)
        capacityTarget = hasPromotions && capacity > places.confirmed ? capacity : nil
        // An event has at least one spot, even if it is taken in the same transaction.
        places.capacity = capacityTarget == nil ? capacity : max(1, places.confirmed)
        places.revision += 1
    }

    /// Promotes the front of the waitlist, adding a spot if none is free and the target allows it.
    public mutating func raise(at now: Date) -> WaitlistEntry? {
        guard let capacityTarget, window.allowsPromotion(at: now), !front.isEmpty else { return nil }
        if free <= 0 {
            guard places.capacity < capacityTarget else { return nil }
            places.capacity += 1
        }
        return promoteNext(at: now)
    }

    /// Sets the capacity to its target once no one is left to promote.
    public mutating func finishRaise(at now: Date) {
        guard let target = capacityTarget,
            places.capacity >= target || places.waitlisted == 0 || !window.allowsPromotion(at: now)
        else { return }
        capacityTarget = nil
        if places.capacity < target {
            places.capacity = target
            places.revision += 1
        }
    }
}
