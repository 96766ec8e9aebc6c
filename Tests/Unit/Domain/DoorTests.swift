import Domain
import FoundationEssentials
import Testing

@Suite("The door to an event's places")
struct DoorTests {
    static let now = Date(timeIntervalSince1970: 1_800_000_000)

    private func door(
        capacity: Int, confirmed: Int = 0, waitlisted: Int = 0, waitlist: Bool = true, closed: Bool = false,
        promoteAfterClose: Bool = true, front: Int = 0
    ) -> Door {
        var door = Door(
            eventID: EventID(), ownerID: UserID(),
            window: RegistrationWindow(
                status: .published, endsAt: Self.now + 1000, opensAt: nil, closesAt: closed ? Self.now - 1 : nil,
                promoteAfterClose: promoteAfterClose),
            waitlistEnabled: waitlist,
            places: Places(revision: 7, confirmed: confirmed, waitlisted: waitlisted, capacity: capacity),
            lastLineNumber: waitlisted)
        door.setFront(
            (0..<front).map {
                Waiting(registrationID: RegistrationID(), userID: UserID(), lineNumber: $0 + 1, createdAt: Self.now)
            })
        return door
    }

    private func newcomer() -> (registration: RegistrationID, user: UserID) { (RegistrationID(), UserID()) }

    @Test("places go first, then places in line with rising numbers and positions")
    func placesThenLine() throws {
        var door = door(capacity: 1)
        #expect(try door.admit(at: Self.now, as: newcomer()) == .confirmed)
        #expect(try door.admit(at: Self.now, as: newcomer()) == .waitlisted(lineNumber: 1, position: 1))
        #expect(try door.admit(at: Self.now, as: newcomer()) == .waitlisted(lineNumber: 2, position: 2))
        #expect(door.places == Places(revision: 10, confirmed: 1, waitlisted: 2, capacity: 1))
    }

    @Test("without a line, a full event is full")
    func full() {
        var door = door(capacity: 1, confirmed: 1, waitlist: false)
        #expect(throws: DomainError.full) { try door.admit(at: Self.now, as: newcomer()) }
        #expect(door.places.revision == 7)
    }

    @Test("nobody new takes a place while somebody waits who may move up")
    func nobodyOvertakes() throws {
        var door = door(capacity: 2, confirmed: 1, waitlisted: 1, front: 1)
        #expect(try door.admit(at: Self.now, as: newcomer()) == .waitlisted(lineNumber: 2, position: 2))
        #expect(door.moveUp(at: Self.now)?.lineNumber == 1)
        #expect(door.moveUp(at: Self.now) == nil)
    }

    @Test("the line moves up in order, and somebody who joined at this visit is part of it")
    func movesInOrder() throws {
        var door = door(capacity: 1, confirmed: 1, waitlisted: 1, front: 1)
        let late = newcomer()
        #expect(try door.admit(at: Self.now, as: late) == .waitlisted(lineNumber: 2, position: 2))
        door.leave(RegistrationID(), .confirmed)
        #expect(door.moveUp(at: Self.now)?.lineNumber == 1)
        door.leave(RegistrationID(), .confirmed)
        #expect(door.moveUp(at: Self.now)?.registrationID == late.registration)
        #expect(door.places.waitlisted == 0)
    }

    @Test("a newcomer is not taken for the first when only a part of the line is known")
    func partOfTheLine() throws {
        var door = door(capacity: 1, confirmed: 1, waitlisted: 5, front: 1)
        #expect(try door.admit(at: Self.now, as: newcomer()) == .waitlisted(lineNumber: 6, position: 6))
        door.leave(RegistrationID(), .confirmed)
        #expect(door.moveUp(at: Self.now)?.lineNumber == 1)
        door.leave(RegistrationID(), .confirmed)
        #expect(door.moveUp(at: Self.now) == nil)
    }

    @Test("closed registration lets nobody in; the line moves on as configured", arguments: [true, false])
    func closed(promoteAfterClose: Bool) throws {
        var door = door(
            capacity: 2, confirmed: 1, waitlisted: 1, closed: true, promoteAfterClose: promoteAfterClose, front: 1)
        #expect(throws: DomainError.registrationClosed) { try door.admit(at: Self.now, as: newcomer()) }
        #expect(door.frontNeeded(leaving: 0, at: Self.now) == (promoteAfterClose ? 1 : 0))
        #expect((door.moveUp(at: Self.now) != nil) == promoteAfterClose)
    }

    @Test("an organizer may add somebody after closing, but not beyond the capacity")
    func organizerAdds() throws {
        var door = door(capacity: 1, waitlist: false, closed: true)
        #expect(try door.admit(at: Self.now, ignoringTimes: true, as: newcomer()) == .confirmed)
        #expect(throws: DomainError.full) { try door.admit(at: Self.now, ignoringTimes: true, as: newcomer()) }
    }

    @Test("the capacity can't go below the confirmed places, and raising it makes room")
    func capacity() throws {
        var door = door(capacity: 2, confirmed: 2, waitlisted: 3, front: 2)
        #expect(throws: DomainError.capacityBelowConfirmed(confirmed: 2)) { try door.setCapacity(1) }
        try door.setCapacity(4)
        #expect(door.frontNeeded(leaving: 0, at: Self.now) == 2)
        #expect(door.moveUp(at: Self.now)?.lineNumber == 1)
        #expect(door.moveUp(at: Self.now)?.lineNumber == 2)
        #expect(door.moveUp(at: Self.now) == nil)
    }
}
