import Domain
import Persistence

/// The registration states last sent to connected people: they get changes only, from Redis or from the database,
/// whichever comes first, and late updates revert nothing.
struct WaitlistUpdates {
    struct Place: Equatable, Sendable {
        var eventID: EventID
        var status: RegistrationStatus
        /// The waitlist position, from 1; nil if it isn't known.
        var position: Int?

        /// Whether a message can only be older than what was sent: statuses go one way, and people only move forward on
        /// a waitlist.
        func isBefore(_ told: Place) -> Bool {
            if status != told.status { return status.step < told.status.step }
            guard let position, let known = told.position else { return false }
            return position > known
        }
    }

    private struct Told {
        var place: Place
        /// The reading before which it was sent.
        var reading: Int
    }

    private var told: [UserID: [RegistrationID: Told]] = [:]
    /// The revisions at which waitlists were counted last.
    private var counted: [EventID: Int] = [:]
    private var reading = 0

    /// Applies an update from Redis. Returns whether it is new.
    mutating func hear(_ id: RegistrationID, of user: UserID, _ place: Place) -> Bool {
        if let known = told[user]?[id]?.place, known == place || place.isBefore(known) { return false }
        told[user, default: [:]][id] = Told(place: place, reading: reading)
        return true
    }

    /// Everything is sent again at the next reading: for a new socket, or after the person was offline.
    mutating func forget(_ user: UserID) { told[user] = nil }

    /// Starts a reading of the database.
    mutating func begin() -> Int {
        reading += 1
        return reading
    }

    /// The events whose waitlists have to be counted to know everyone's position.
    func linesToCount(_ rows: [LiveRegistration]) -> [EventID] {
        let changed = rows.filter { row in
            guard row.status == .waitlisted else { return false }
            return counted[row.eventID] != row.revision
                || told[row.userID]?[row.id]?.place.position == nil
        }
        return Array(Set(changed.map(\.eventID)))
    }

    /// Applies a reading. Updates from Redis since it began are newer and stay.
    mutating func read(
        _ rows: [LiveRegistration], _ positions: [RegistrationID: Int], lines: [EventID],
        reading begun: Int
    ) -> [LiveUpdate] {
        var updates: [LiveUpdate] = []
        let lines = Set(lines)
        counted = [:]
        for row in rows {
            if row.status == .waitlisted { counted[row.eventID] = row.revision }
            let known = told[row.userID]?[row.id]
            if let known, known.reading >= begun { continue }
            var place = Place(eventID: row.eventID, status: row.status)
            if row.status == .waitlisted {
                place.position = lines.contains(row.eventID) ? positions[row.id] : known?.place.position
                // Left the waitlist between the two queries: the next reading will tell.
                guard place.position != nil else { continue }
            }
            guard known?.place != place else { continue }
            told[row.userID, default: [:]][row.id] = Told(place: place, reading: begun)
            updates.append(
                .registration(
                    row.userID, id: row.id, eventID: row.eventID, status: row.status, position: place.position
                ))
        }
        return updates
    }
}

extension RegistrationStatus {
    /// The order of a registration's statuses.
    fileprivate var step: Int {
        switch self {
        case .waitlisted: 0
        case .confirmed: 1
        case .cancelled: 2
        }
    }
}
