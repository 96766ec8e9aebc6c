import Domain
import FoundationEssentials
import Testing

@Suite("An event's capacity")
struct EventCapacityTests {
    static let now = Date(timeIntervalSince1970: 1_800_000_000)

    private func event(
        capacity: Int, confirmed: Int = 0, waitlisted: Int = 0, waitlist: Bool = true, closed: Bool = false,
        promoteAfterClose: Bool = true, front: Int = 0
    ) -> EventCapacity {
        var event = EventCapacity(
            eventID: EventID(), ownerID: UserID(),
            window: RegistrationWindow(
                status: .published, endsAt: Self.now + 1000, opensAt: nil, closesAt: closed ? Self.now - 1 : nil,
                promoteAfterClose: promoteAfterClose),
            waitlistEnabled: waitlist,
            places: Places(revision: 7, confirmed: confirmed, waitlisted: waitlisted, capacity: capacity),
            lastLineNumber: waitlisted)
        event.setWaitlistFront(
            (0..<front).map {
                WaitlistEntry(
                    registrationID: RegistrationID(), userID: UserID(), lineNumber: $0 + 1, createdAt: Self.now)
            })
        return event
    }

    private func newcomer() -> (registration: RegistrationID, user: UserID) { (RegistrationID(), UserID()) }

    @Test("places go first, then places in line with rising numbers and positions")
    func placesThenLine() throws {
        var capacity = event(capacity: 1)
        #expect(try capacity.register(at: Self.now, as: newcomer()) == .confirmed)
        #expect(try capacity.register(at: Self.now, as: newcomer()) == .waitlisted(lineNumber: 1, position: 1))
        #expect(try capacity.register(at: Self.now, as: newcomer()) == .waitlisted(lineNumber: 2, position: 2))
        #expect(capacity.places == Places(revision: 10, confirmed: 1, waitlisted: 2, capacity: 1))
    }

    @Test("without a line, a full event is full")
    func full() {
        var capacity = event(capacity: 1, confirmed: 1, waitlist: false)
        #expect(throws: DomainError.full) { try capacity.register(at: Self.now, as: newcomer()) }
        #expect(capacity.places.revision == 7)
    }

    @Test("nobody new takes a place while somebody waits who may move up")
    func nobodyOvertakes() throws {
        var capacity = event(capacity: 2, confirmed: 1, waitlisted: 1, front: 1)
        #expect(try capacity.register(at: Self.now, as: newcomer()) == .waitlisted(lineNumber: 2, position: 2))
        #expect(capacity.promoteNext(at: Self.now)?.lineNumber == 1)
        #expect(capacity.promoteNext(at: Self.now) == nil)
    }

    @Test("the line moves up in order, and somebody who joined at this visit is part of it")
    func movesInOrder() throws {
        var capacity = event(capacity: 1, confirmed: 1, waitlisted: 1, front: 1)
        let late = newcomer()
        #expect(try capacity.register(at: Self.now, as: late) == .waitlisted(lineNumber: 2, position: 2))
        capacity.release(RegistrationID(), .confirmed)
        #expect(capacity.promoteNext(at: Self.now)?.lineNumber == 1)
        capacity.release(RegistrationID(), .confirmed)
        #expect(capacity.promoteNext(at: Self.now)?.registrationID == late.registration)
        #expect(capacity.places.waitlisted == 0)
    }

    @Test("a newcomer is not taken for the first when only a part of the line is known")
    func partOfTheLine() throws {
        var capacity = event(capacity: 1, confirmed: 1, waitlisted: 5, front: 1)
        #expect(try capacity.register(at: Self.now, as: newcomer()) == .waitlisted(lineNumber: 6, position: 6))
        capacity.release(RegistrationID(), .confirmed)
        #expect(capacity.promoteNext(at: Self.now)?.lineNumber == 1)
        capacity.release(RegistrationID(), .confirmed)
        #expect(capacity.promoteNext(at: Self.now) == nil)
    }

    @Test("closed registration lets nobody in; the line moves on as configured", arguments: [true, false])
    func closed(promoteAfterClose: Bool) throws {
        var capacity = event(
            capacity: 2, confirmed: 1, waitlisted: 1, closed: true, promoteAfterClose: promoteAfterClose, front: 1)
        #expect(throws: DomainError.registrationClosed) { try capacity.register(at: Self.now, as: newcomer()) }
        #expect(capacity.promotable(withCancellations: 0, at: Self.now) == (promoteAfterClose ? 1 : 0))
        #expect((capacity.promoteNext(at: Self.now) != nil) == promoteAfterClose)
    }

    @Test("an organizer may add somebody after closing, but not beyond the capacity")
    func organizerAdds() throws {
        var capacity = event(capacity: 1, waitlist: false, closed: true)
        #expect(try capacity.register(at: Self.now, ignoringTimes: true, as: newcomer()) == .confirmed)
        #expect(throws: DomainError.full) { try capacity.register(at: Self.now, ignoringTimes: true, as: newcomer()) }
    }

    @Test("the capacity can't go below the confirmed places")
    func capacityCut() throws {
        var capacity = event(capacity: 4, confirmed: 2, waitlisted: 0)
        #expect(throws: DomainError.capacityBelowConfirmed(confirmed: 2)) { try capacity.setCapacity(1, at: Self.now) }
        try capacity.setCapacity(2, at: Self.now)
        #expect(capacity.places == Places(revision: 8, confirmed: 2, waitlisted: 0, capacity: 2))
    }

    @Test("a raised capacity is a target: no place is free before those who wait have moved up")
    func raising() throws {
        var capacity = event(capacity: 2, confirmed: 2, waitlisted: 3, front: 2)
        try capacity.setCapacity(6, at: Self.now)
        #expect(capacity.free == 0 && capacity.capacityTarget == 6)
        #expect(try capacity.register(at: Self.now, as: newcomer()) == .waitlisted(lineNumber: 4, position: 4))
        #expect(capacity.raise(at: Self.now)?.lineNumber == 1)
        #expect(capacity.raise(at: Self.now)?.lineNumber == 2)
        // Nobody else is known yet.
        #expect(capacity.raise(at: Self.now) == nil)
        capacity.finishRaise(at: Self.now)
        #expect(capacity.places == Places(revision: 11, confirmed: 4, waitlisted: 2, capacity: 4))
        #expect(capacity.free == 0 && capacity.capacityTarget == 6)
        capacity.setWaitlistFront((3...4).map(Self.waiting))
        #expect(capacity.raise(at: Self.now)?.lineNumber == 3)
        #expect(capacity.raise(at: Self.now)?.lineNumber == 4)
        capacity.finishRaise(at: Self.now)
        #expect(capacity.places == Places(revision: 13, confirmed: 6, waitlisted: 0, capacity: 6))
        #expect(capacity.capacityTarget == nil)
    }

    @Test("once nobody waits who may move up, the rest of the places is free at once")
    func raisedToTheEnd() throws {
        var empty = event(capacity: 2, confirmed: 2, waitlisted: 1, front: 1)
        try empty.setCapacity(6, at: Self.now)
        _ = empty.raise(at: Self.now)
        empty.finishRaise(at: Self.now)
        #expect(empty.places.capacity == 6 && empty.places.confirmed == 3 && empty.capacityTarget == nil)

        // Registration closes on the way.
        var closing = event(capacity: 2, confirmed: 2, waitlisted: 5, front: 5)
        try closing.setCapacity(6, at: Self.now)
        closing.window.closesAt = Self.now
        closing.window.promoteAfterClose = false
        #expect(closing.raise(at: Self.now) == nil)
        closing.finishRaise(at: Self.now)
        #expect(closing.free == 4 && closing.capacityTarget == nil)

        var closed = event(capacity: 2, confirmed: 2, waitlisted: 5, closed: true, promoteAfterClose: false)
        try closed.setCapacity(6, at: Self.now)
        #expect(closed.free == 4 && closed.capacityTarget == nil)
    }

    @Test("an event of which nobody has a place yet keeps one for the first in line")
    func raisingFromNothing() throws {
        var capacity = event(capacity: 3, confirmed: 0, waitlisted: 2, front: 2)
        try capacity.setCapacity(3, at: Self.now)
        #expect(capacity.places.capacity == 1 && capacity.capacityTarget == 3)
        while capacity.raise(at: Self.now) != nil {}
        capacity.finishRaise(at: Self.now)
        #expect(capacity.places.capacity == 3 && capacity.places.confirmed == 2 && capacity.capacityTarget == nil)
    }

    private static func waiting(_ number: Int) -> WaitlistEntry {
        WaitlistEntry(registrationID: RegistrationID(), userID: UserID(), lineNumber: number, createdAt: now)
    }
}
