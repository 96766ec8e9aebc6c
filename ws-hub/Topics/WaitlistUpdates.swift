import Domain
import Persistence

/// What connected people were last told of their registrations: they hear of changes only, from Redis or from the
/// database, whichever comes first, and what comes late takes nothing back.
struct WaitlistUpdates {
    struct Place: Equatable, Sendable {
        var eventID: EventID
        var status: RegistrationStatus
        /// In line, from 1; nil when it isn't known.
        var position: Int?

        /// Whether a message can only be older than what was told: statuses go one way, and a line only gets shorter in
        /// front of somebody.
        func isBefore(_ told: Place) -> Bool {
            if status != told.status { return status.step < told.status.step }
            guard let position, let known = told.position else { return false }
            return position > known
        }
    }

    private struct Told {
        var place: Place
        /// The reading before which it was told.
        var reading: Int
    }

    private var told: [UserID: [RegistrationID: Told]] = [:]
    /// The revisions at which lines were counted last.
    private var counted: [EventID: Int] = [:]
    private var reading = 0

    /// Takes in what Redis brought. Returns whether it is news.
    mutating func hear(_ id: RegistrationID, of user: UserID, _ place: Place) -> Bool {
        if let known = told[user]?[id]?.place, known == place || place.isBefore(known) { return false }
        told[user, default: [:]][id] = Told(place: place, reading: reading)
        return true
    }

    /// Everything is told again at the next reading: to a socket that came later, or after nobody was there.
    mutating func forget(_ user: UserID) { told[user] = nil }

    /// A reading of the database starts.
    mutating func begin() -> Int {
        reading += 1
        return reading
    }

    /// The events whose lines have to be counted to know everybody's place.
    func linesToCount(_ rows: [LiveRegistration]) -> [EventID] {
        let changed = rows.filter { row in
            guard row.status == .waitlisted else { return false }
            return counted[row.eventID] != row.revision
                || told[row.userID]?[row.id]?.place.position == nil
        }
        return Array(Set(changed.map(\.eventID)))
    }

    /// Takes in a reading. What Redis brought since it began is newer and stays.
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
                // Left the line between the two queries: the next reading tells.
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
    /// The order in which one registration has them.
    fileprivate var step: Int {
        switch self {
        case .waitlisted: 0
        case .confirmed: 1
        case .cancelled: 2
        }
    }
}
