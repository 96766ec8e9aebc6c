import Domain
import FoundationEssentials

/// One event's part of a batch: applies requests to its ``EventCapacity`` in order and collects the writes.
struct RegistrationBatch {
    /// A registration made in this batch.
    struct Added {
        var registration: Registration
        var lineNumber: Int?
    }

    /// A registration canceled in this batch.
    struct Cancelled {
        var registration: Registration
        var organizer: UserID?
        /// The index of the outbox entry that reports it.
        var entry: Int
        /// Whether the person was checked in: the check-in is undone.
        var wasCheckedIn: Bool
    }

    struct CheckIn {
        var id: CheckInID
        var ticketID: TicketID
        var gate: String?
        var at: Date
    }

    let before: EventCapacity
    private(set) var capacity: EventCapacity
    let now: Date
    /// The registrations to be canceled, and the active ones of people who register.
    private var known: [RegistrationID: Registration]
    private var active: [UserID: RegistrationID] = [:]
    private let checkIns: [RegistrationID: CheckIn]
    private(set) var added: [RegistrationID: Added] = [:]
    private(set) var cancelled: [Cancelled] = []
    /// Registrations that were waitlisted before the batch.
    private(set) var promoted: [RegistrationID] = []
    private(set) var entries: [OutboxEntry] = []

    init(_ capacity: EventCapacity, known: [Registration], checkIns: [RegistrationID: CheckIn] = [:], now: Date) {
        self.checkIns = checkIns
        before = capacity
        self.capacity = capacity
        self.now = now
        self.known = Dictionary(known.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        for registration in known where registration.status != .cancelled {
            active[registration.userID] = registration.id
        }
    }

    var isWithoutEffect: Bool { entries.isEmpty }

    /// The outbox entries, each cancellation followed by the revocation of its ticket.
    func entries(revoking tickets: [RegistrationID: OutboxEntry]) -> [OutboxEntry] {
        let revoked = Dictionary(uniqueKeysWithValues: cancelled.map { ($0.entry, tickets[$0.registration.id]) })
        return entries.enumerated().flatMap { index, entry in
            [entry] + ((revoked[index] ?? nil).map { [$0] } ?? [])
        }
    }

    /// The registration as it is after everything so far.
    func registration(_ id: RegistrationID) -> Registration? { added[id]?.registration ?? known[id] }

    /// Applies one request, and promotes from the waitlist behind it.
    mutating func perform(_ request: RegistrationRequest) throws {
        capacity.finishRaise(at: now)
        switch request.kind {
        case .register(let user): try register(user, request)
        case .cancel(let reason): try cancel(request, reason: reason)
        }
        try promote()
    }

    private mutating func register(_ user: UserID, _ request: RegistrationRequest) throws {
        // Already done by an earlier attempt whose commit result was lost.
        if let own = known[request.registrationID], own.userID == user { return }
        if let refusal = capacity.window.refusal(at: now, ignoringTimes: request.organizer != nil),
            capacity.window.status != .draft
        {
            throw refusal
        }
        guard active[user] == nil else { throw DomainError.alreadyRegistered }
        let result = try capacity.register(
            at: now, ignoringTimes: request.organizer != nil, as: (request.registrationID, user))
        var registration = Registration(
            id: request.registrationID, eventID: capacity.eventID, userID: user, status: .confirmed, position: nil,
            createdAt: now, confirmedAt: now, cancelledAt: nil)
        var lineNumber: Int?
        if case .waitlisted(let number, let position) = result {
            lineNumber = number
            registration.status = .waitlisted
            registration.confirmedAt = nil
            registration.position = position
        }
        active[user] = registration.id
        added[registration.id] = Added(registration: registration, lineNumber: lineNumber)
        try report(lineNumber == nil ? .registrationConfirmed : .registrationWaitlisted, registration)
    }

    private mutating func cancel(_ request: RegistrationRequest, reason: String?) throws {
        guard var registration = registration(request.registrationID) else { throw DomainError.notFound }
        if registration.status == .cancelled { return }
        if capacity.window.endsAt <= now { throw DomainError.eventEnded }
        let checkIn = checkIns[registration.id]
        // A checked-in holder can't free the spot for someone else or take another; an organizer undoes both.
        if checkIn != nil, request.organizer == nil { throw DomainError.alreadyCheckedIn }
        capacity.release(registration.id, registration.status)
        registration.status = .cancelled
        registration.position = nil
        registration.cancelledAt = now
        registration.cancellationReason = reason
        active[registration.userID] = nil
        if added[registration.id] != nil {
            added[registration.id]?.registration = registration
        } else {
            known[registration.id] = registration
            cancelled.append(
                Cancelled(
                    registration: registration, organizer: request.organizer, entry: entries.count,
                    wasCheckedIn: checkIn != nil))
        }
        try report(.registrationCancelled, registration)
        if let checkIn { try undo(checkIn, of: registration) }
    }

    private mutating func undo(_ checkIn: CheckIn, of registration: Registration) throws {
        let data = TicketData(
            eventId: capacity.eventID, ticketId: checkIn.ticketID, registrationId: registration.id,
            userId: registration.userID, checkInId: checkIn.id, gate: checkIn.gate, at: checkIn.at)
        entries.append(try .fact(.ticketCheckInUndone, event: capacity.eventID, owner: capacity.ownerID, data))
    }

    /// Adds the front of the waitlist, and promotes from it into spots that are already free.
    mutating func promote(from front: [WaitlistEntry]) throws {
        capacity.setWaitlistFront(front)
        try promote()
    }

    private mutating func promote() throws {
        while let next = capacity.promoteNext(at: now) { try confirm(next) }
    }

    /// Raises the capacity, up to its target, by the number of people at the front of the waitlist who take the new
    /// spots.
    mutating func raise(for front: [WaitlistEntry]) throws {
        capacity.setWaitlistFront(front)
        while let next = capacity.raise(at: now) { try confirm(next) }
        let before = capacity.places.capacity
        capacity.finishRaise(at: now)
        if capacity.places.capacity != before { try reportCounts() }
    }

    private mutating func confirm(_ next: WaitlistEntry) throws {
        let registration = Registration(
            id: next.registrationID, eventID: capacity.eventID, userID: next.userID, status: .confirmed,
            position: nil, createdAt: next.createdAt, confirmedAt: now, cancelledAt: nil)
        if added[next.registrationID] != nil {
            added[next.registrationID]?.registration = registration
        } else {
            promoted.append(next.registrationID)
            if known[next.registrationID] != nil { known[next.registrationID] = registration }
        }
        try report(.registrationPromoted, registration)
    }

    /// - Throws: ``DomainError/capacityBelowConfirmed(confirmed:)``.
    mutating func setCapacity(_ number: Int) throws {
        var changed = capacity
        try changed.setCapacity(number, at: now)
        if changed.places.capacity == capacity.places.capacity, changed.capacityTarget == capacity.capacityTarget {
            return
        }
        capacity = changed
        try reportCounts()
    }

    private mutating func reportCounts() throws {
        entries.append(
            try .live(
                .placesChanged, event: capacity.eventID,
                PlacesData(eventId: capacity.eventID, places: capacity.places)))
    }

    private mutating func report(_ type: MessageType, _ registration: Registration) throws {
        entries.append(
            try .fact(
                type, event: capacity.eventID, owner: capacity.ownerID,
                RegistrationData(
                    eventId: capacity.eventID, registrationId: registration.id, userId: registration.userID,
                    status: registration.status, position: registration.position, places: capacity.places)))
    }
}
