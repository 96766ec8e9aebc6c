import Domain
import FoundationEssentials

/// One visit to one event's door: goes through its wishes in order and keeps what has to be written.
struct Visit {
    /// A registration made at this visit.
    struct Taken {
        var registration: Registration
        var lineNumber: Int?
    }

    /// A registration that ended.
    struct Left {
        var registration: Registration
        var organizer: UserID?
        /// Which of the entries tells of it.
        var entry: Int
        /// Whether the person had been let in: that is undone.
        var wasCheckedIn: Bool
    }

    /// How somebody was let in.
    struct CheckIn {
        var id: CheckInID
        var ticketID: TicketID
        var gate: String?
        var at: Date
    }

    let before: Door
    private(set) var door: Door
    let now: Date
    /// The registrations in question: those that shall end, and the active ones of people who want a place.
    private var known: [RegistrationID: Registration]
    private var active: [UserID: RegistrationID] = [:]
    /// Of those that shall end.
    private let checkIns: [RegistrationID: CheckIn]
    private(set) var taken: [RegistrationID: Taken] = [:]
    private(set) var left: [Left] = []
    /// Of those who were in line before.
    private(set) var promoted: [RegistrationID] = []
    private(set) var entries: [OutboxEntry] = []

    init(_ door: Door, known: [Registration], checkIns: [RegistrationID: CheckIn] = [:], now: Date) {
        self.checkIns = checkIns
        before = door
        self.door = door
        self.now = now
        self.known = Dictionary(known.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        for registration in known where registration.status != .cancelled {
            active[registration.userID] = registration.id
        }
    }

    var isWithoutEffect: Bool { entries.isEmpty }

    /// What there is to tell, with the tickets that were revoked behind the cancellations that revoked them.
    func entries(revoking tickets: [RegistrationID: OutboxEntry]) -> [OutboxEntry] {
        let revoked = Dictionary(uniqueKeysWithValues: left.map { ($0.entry, tickets[$0.registration.id]) })
        return entries.enumerated().flatMap { index, entry in
            [entry] + ((revoked[index] ?? nil).map { [$0] } ?? [])
        }
    }

    /// The registration as it is now, after everything so far.
    func registration(_ id: RegistrationID) -> Registration? { taken[id]?.registration ?? known[id] }

    /// Does one wish, and lets the line move up behind it.
    mutating func perform(_ wish: PlaceWish) throws {
        door.finishRaise(at: now)
        switch wish.kind {
        case .take(let user): try take(wish, user)
        case .leave(let reason): try leave(wish, reason)
        }
        try moveUp()
    }

    private mutating func take(_ wish: PlaceWish, _ user: UserID) throws {
        // Done already, by a try of which nobody heard.
        if let own = known[wish.registrationID], own.userID == user { return }
        if let refusal = door.window.refusal(at: now, ignoringTimes: wish.organizer != nil),
            door.window.status != .draft
        {
            throw refusal
        }
        guard active[user] == nil else { throw DomainError.alreadyRegistered }
        let answer = try door.admit(
            at: now, ignoringTimes: wish.organizer != nil, as: (wish.registrationID, user))
        var registration = Registration(
            id: wish.registrationID, eventID: door.eventID, userID: user, status: .confirmed, position: nil,
            createdAt: now, confirmedAt: now, cancelledAt: nil)
        var lineNumber: Int?
        if case .waitlisted(let number, let position) = answer {
            lineNumber = number
            registration.status = .waitlisted
            registration.confirmedAt = nil
            registration.position = position
        }
        active[user] = registration.id
        taken[registration.id] = Taken(registration: registration, lineNumber: lineNumber)
        try tell(lineNumber == nil ? .registrationConfirmed : .registrationWaitlisted, registration)
    }

    private mutating func leave(_ wish: PlaceWish, _ reason: String?) throws {
        guard var registration = registration(wish.registrationID) else { throw DomainError.notFound }
        if registration.status == .cancelled { return }
        if door.window.endsAt <= now { throw DomainError.eventEnded }
        let checkIn = checkIns[registration.id]
        // Who is inside doesn't give the place to somebody else, or take another; an organizer takes both back.
        if checkIn != nil, wish.organizer == nil { throw DomainError.alreadyCheckedIn }
        door.leave(registration.id, registration.status)
        registration.status = .cancelled
        registration.position = nil
        registration.cancelledAt = now
        registration.cancellationReason = reason
        active[registration.userID] = nil
        if taken[registration.id] != nil {
            taken[registration.id]?.registration = registration
        } else {
            known[registration.id] = registration
            left.append(
                Left(
                    registration: registration, organizer: wish.organizer, entry: entries.count,
                    wasCheckedIn: checkIn != nil))
        }
        try tell(.registrationCancelled, registration)
        if let checkIn { try undo(checkIn, of: registration) }
    }

    private mutating func undo(_ checkIn: CheckIn, of registration: Registration) throws {
        let data = TicketData(
            eventId: door.eventID, ticketId: checkIn.ticketID, registrationId: registration.id,
            userId: registration.userID, checkInId: checkIn.id, gate: checkIn.gate, at: checkIn.at)
        entries.append(try .fact(.ticketCheckInUndone, event: door.eventID, owner: door.ownerID, data))
    }

    /// Takes note of who stands first in line, and lets them move up into places that are free already.
    mutating func moveUp(from front: [Waiting]) throws {
        door.setFront(front)
        try moveUp()
    }

    private mutating func moveUp() throws {
        while let first = door.moveUp(at: now) { try promote(first) }
    }

    /// Makes places for those who stand first in line, up to the capacity's target, and lets them move up into them.
    mutating func raise(for front: [Waiting]) throws {
        door.setFront(front)
        while let first = door.raise(at: now) { try promote(first) }
        let capacity = door.places.capacity
        door.finishRaise(at: now)
        if door.places.capacity != capacity { try tellPlaces() }
    }

    private mutating func promote(_ first: Waiting) throws {
        let registration = Registration(
            id: first.registrationID, eventID: door.eventID, userID: first.userID, status: .confirmed,
            position: nil, createdAt: first.createdAt, confirmedAt: now, cancelledAt: nil)
        if taken[first.registrationID] != nil {
            taken[first.registrationID]?.registration = registration
        } else {
            promoted.append(first.registrationID)
            if known[first.registrationID] != nil { known[first.registrationID] = registration }
        }
        try tell(.registrationPromoted, registration)
    }

    /// - Throws: ``DomainError/capacityBelowConfirmed(confirmed:)``.
    mutating func setCapacity(_ capacity: Int) throws {
        var changed = door
        try changed.setCapacity(capacity, at: now)
        if changed.places.capacity == door.places.capacity, changed.capacityTarget == door.capacityTarget { return }
        door = changed
        try tellPlaces()
    }

    private mutating func tellPlaces() throws {
        entries.append(
            try .live(
                .placesChanged, event: door.eventID, PlacesData(eventId: door.eventID, places: door.places)))
    }

    private mutating func tell(_ type: MessageType, _ registration: Registration) throws {
        entries.append(
            try .fact(
                type, event: door.eventID, owner: door.ownerID,
                RegistrationData(
                    eventId: door.eventID, registrationId: registration.id, userId: registration.userID,
                    status: registration.status, position: registration.position, places: door.places)))
    }
}
