public import Domain
public import FoundationEssentials
import Postgres

/// A door as a transaction left it. Whoever committed last may count on it, and save the reading: the next transaction
/// fails when it is not so any more.
public struct ExpectedDoor: Sendable {
    var door: Door
    /// Of the event's own row, which decides the window.
    var version: Int

    public var eventID: EventID { door.eventID }
}

/// What became of wishes, and the doors as they were left: as long as nobody else moves a place, they stay so.
public struct PlaceAnswers: Sendable {
    public var answers: [PlaceAnswer]
    public var doors: [ExpectedDoor]
}

extension RegistrationStore {
    /// Fulfils wishes for places at one door without reading it first: a single round trip in which the database does
    /// everything without waiting for us, and which has no effect at all unless the door is as expected.
    ///
    /// - Parameter now: at which the wishes are judged.
    /// - Returns: nil, with nothing done, when it takes a look: somebody leaves, is refused, or the line could move.
    /// - Throws: ``PlacesMoved`` when the door is not as expected; and what PostgreSQL says: 55P03 when somebody else
    ///   has locked it, a violated constraint when somebody has a registration already. All these mean: look.
    public func admit(
        _ wishes: [PlaceWish], expecting expected: ExpectedDoor, now: Date
    ) async throws -> PlaceAnswers? {
        let event = expected.eventID
        guard wishes.allSatisfy({ !$0.isLeaving && $0.organizer == nil && $0.eventID == event }),
            expected.door.frontNeeded(leaving: 0, at: now) == 0
        else { return nil }
        var journal = IdempotencyJournal([:])
        var open = [event: Visit(expected.door, known: [], now: now)]
        let answers = try Self.decide(wishes, busy: [], &open, &journal)
        // A refusal may have a better reason than the door knows: they may have a place already.
        guard let visit = open[event], answers.allSatisfy(\.isDone) else { return nil }
        let statements: [SQL] =
            [
                Doors.locking([event], busy: .fail, guards: guards),
                Doors.moving(from: visit.before, to: visit.door, version: expected.version, guards: guards),
            ] + Self.arrival([visit]) + journal.insertions + OutboxStore.insertions(visit.entries)
        do throws(PostgresError) {
            _ = try await database.execute(statements)
        } catch {
            if error.sqlState == PlacesMoved.sqlState { throw PlacesMoved() }
            throw error
        }
        return PlaceAnswers(answers: answers, doors: [Self.left(visit.door, version: expected.version)])
    }

    /// The door as it stands after a visit, without those at the front of the line: who they are is read anew.
    static func left(_ door: Door, version: Int) -> ExpectedDoor {
        var door = door
        door.setFront([])
        return ExpectedDoor(door: door, version: version)
    }
}

extension PlaceAnswer {
    fileprivate var isDone: Bool {
        if case .done = self { true } else { false }
    }
}
