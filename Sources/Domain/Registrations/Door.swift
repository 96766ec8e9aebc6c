public import FoundationEssentials

/// Somebody at the front of the line.
public struct Waiting: Hashable, Sendable {
    public var registrationID: RegistrationID
    public var userID: UserID
    /// The number drawn when they joined; the lowest is the first.
    public var lineNumber: Int
    public var createdAt: Date

    public init(registrationID: RegistrationID, userID: UserID, lineNumber: Int, createdAt: Date) {
        self.registrationID = registrationID
        self.userID = userID
        self.lineNumber = lineNumber
        self.createdAt = createdAt
    }
}

/// The door to one event's places: decides who comes in, who waits and who moves up, one after the other.
///
/// A value, made from what was read behind the lock of the places' row, and written back before that lock is let go.
/// Strictly first in, first out: while somebody waits and may move up, nobody new takes a place.
public struct Door: Sendable {
    /// What somebody at the door gets.
    public enum Answer: Hashable, Sendable {
        case confirmed
        /// The number drawn, and the place in line, from 1.
        case waitlisted(lineNumber: Int, position: Int)
    }

    public let eventID: EventID
    public let ownerID: UserID
    public var window: RegistrationWindow
    public var waitlistEnabled: Bool
    public private(set) var places: Places
    /// How many places there are to be once the line has moved up far enough; nil when there are as many as there are to
    /// be.
    public private(set) var capacityTarget: Int?
    public private(set) var lastLineNumber: Int
    /// The first of the line, in order: as many as can move up at this visit, or everybody.
    private var front: [Waiting] = []

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

    /// How many of the line have to be known when so many leave at this visit: each leaving moves at most one up, or
    /// takes one out of the front.
    public func frontNeeded(leaving: Int, at now: Date) -> Int {
        window.allowsPromotion(at: now) ? min(places.waitlisted, max(0, free) + leaving) : 0
    }

    public mutating func setFront(_ waiting: [Waiting]) { front = waiting }

    /// Gives a place, or a place in line.
    /// - Parameter ignoringTimes: for an organizer, who may add people before registration opens and after it closes.
    /// - Throws: ``DomainError``: notFound for a draft, what the window says, full.
    public mutating func admit(
        at now: Date, ignoringTimes: Bool = false, as newcomer: (registration: RegistrationID, user: UserID)
    ) throws(DomainError) -> Answer {
        // Nobody outside has heard of a draft.
        if window.status == .draft { throw ignoringTimes ? .eventNotPublished : .notFound }
        if let refusal = window.refusal(at: now, ignoringTimes: ignoringTimes) { throw refusal }
        let someoneIsFirst = places.waitlisted > 0 && window.allowsPromotion(at: now)
        if free > 0, !someoneIsFirst {
            places.confirmed += 1
            places.revision += 1
            return .confirmed
        }
        guard waitlistEnabled else { throw .full }
        lastLineNumber += 1
        // Known in full: then the newcomer is part of what is known, too.
        if front.count == places.waitlisted {
            front.append(
                Waiting(
                    registrationID: newcomer.registration, userID: newcomer.user, lineNumber: lastLineNumber,
                    createdAt: now))
        }
        places.waitlisted += 1
        places.revision += 1
        return .waitlisted(lineNumber: lastLineNumber, position: places.waitlisted)
    }

    /// Takes a place, or a place in line, back.
    public mutating func leave(_ registration: RegistrationID, _ status: RegistrationStatus) {
        switch status {
        case .confirmed: places.confirmed -= 1
        case .waitlisted:
            places.waitlisted -= 1
            front.removeAll { $0.registrationID == registration }
        case .cancelled: return
        }
        places.revision += 1
    }

    /// The first in line takes a free place, if there are both.
    public mutating func moveUp(at now: Date) -> Waiting? {
        guard free > 0, window.allowsPromotion(at: now), !front.isEmpty else { return nil }
        places.confirmed += 1
        places.waitlisted -= 1
        places.revision += 1
        return front.removeFirst()
    }

    /// Sets how many places there are to be. More than are taken, while somebody waits who may move up, are a target: no place
    /// is free before the line has moved up, by ``raise(at:)``.
    /// - Throws: ``DomainError/capacityBelowConfirmed(confirmed:)``.
    public mutating func setCapacity(_ capacity: Int, at now: Date) throws(DomainError) {
        guard capacity >= places.confirmed else { throw .capacityBelowConfirmed(confirmed: places.confirmed) }
        let someoneMovesUp = places.waitlisted > 0 && window.allowsPromotion(at: now)
        capacityTarget = someoneMovesUp && capacity > places.confirmed ? capacity : nil
        // An event has at least one place, be it that the first in line takes it in the same transaction.
        places.capacity = capacityTarget == nil ? capacity : max(1, places.confirmed)
        places.revision += 1
    }

    /// The first in line takes a place, which is made for them if none is free and the target allows for it.
    public mutating func raise(at now: Date) -> Waiting? {
        guard let capacityTarget, window.allowsPromotion(at: now), !front.isEmpty else { return nil }
        if free <= 0 {
            guard places.capacity < capacityTarget else { return nil }
            places.capacity += 1
        }
        return moveUp(at: now)
    }

    /// Makes all the places there are to be, once nobody waits any more who could take them.
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
