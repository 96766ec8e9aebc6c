import Domain
import FoundationEssentials
import Postgres

/// The one door to an event's places: its row, locked first, then read with a snapshot taken after the wait.
///
/// Isolation is READ COMMITTED. The lock is a statement of its own, because a statement that waits for a lock goes on
/// with the snapshot from before the wait: the event's status and the line would be read as they were. Everything that
/// takes or gives a place holds this lock until its commit, so whatever is read behind it stays true until then.
/// See the decision record `0002-one-row-decides`.
struct PlacesDoor {
    var eventID: EventID
    var ownerID: UserID
    var window: RegistrationWindow
    var waitlistEnabled: Bool
    var places: Places
    var lastLineNumber: Int

    /// What a test takes away, to show the harm.
    enum Guard: Sendable {
        case on, off
    }

    /// Locks the places of an event and reads what the door looks at.
    /// - Parameter also: statements that run in the same round trip, behind the lock.
    static func open(
        _ event: EventID, guarding: Guard = .on, also: [SQL] = [], on transaction: Transaction
    ) async throws -> (door: PlacesDoor, also: [QueryResult])? {
        let lock: SQL =
            switch guarding {
            // NO KEY UPDATE: as strong as the UPDATE that follows, and out of the way of foreign keys.
            case .on: "SELECT 1 FROM event_places WHERE event_id = \(event) FOR NO KEY UPDATE"
            case .off: "SELECT 1 FROM event_places WHERE event_id = \(event)"
            }
        let results = try await transaction.pipeline(
            [
                lock,
                """
                SELECT e.owner_id, e.status, e.ends_at, e.registration_opens_at, e.registration_closes_at,
                    e.waitlist_enabled, p.revision, p.confirmed, p.waitlisted, p.capacity, p.last_line_number
                FROM events e JOIN event_places p ON p.event_id = e.id WHERE e.id = \(event)
                """,
            ] + also)
        guard let row = results[1].first else { return nil }
        let window = RegistrationWindow(
            status: try row.decode("status"), endsAt: try row.decode("ends_at"),
            opensAt: try row.decode("registration_opens_at"), closesAt: try row.decode("registration_closes_at"))
        let door = PlacesDoor(
            eventID: event, ownerID: try row.decode("owner_id"), window: window,
            waitlistEnabled: try row.decode("waitlist_enabled"), places: try EventStore.places(row),
            lastLineNumber: try row.decode("last_line_number"))
        return (door, Array(results[2...]))
    }

    /// The statement that moves the counters. The condition repeats what the lock has made sure of, and the table's
    /// CHECK repeats it once more.
    mutating func moving(confirmed: Int = 0, waitlisted: Int = 0, guarding: Guard = .on) -> SQL {
        places.confirmed += confirmed
        places.waitlisted += waitlisted
        places.revision += 1
        let condition: SQL = guarding == .on ? "AND confirmed + \(confirmed) <= capacity" : ""
        return """
            UPDATE event_places SET
                confirmed = confirmed + \(confirmed), waitlisted = waitlisted + \(waitlisted),
                last_line_number = greatest(last_line_number, \(lastLineNumber)), revision = revision + 1
            WHERE event_id = \(eventID) \(fragment: condition)
            """
    }
}
