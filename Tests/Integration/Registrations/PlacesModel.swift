import Domain
import FoundationEssentials
import Persistence
import Postgres
import TestSupport

/// What the places of one event should be: a few lines that anybody can check by reading.
struct PlacesModel: Equatable {
    var capacity: Int
    var hasLine: Bool
    var isClosed = false
    var promotesAfterClose = true
    var confirmed: Set<UserID> = []
    var line: [UserID] = []

    private var lineMoves: Bool { !isClosed || promotesAfterClose }

    /// The answer somebody should get; nil when they are in.
    mutating func register(_ user: UserID, byOrganizer: Bool) -> DomainError? {
        if isClosed, !byOrganizer { return .registrationClosed }
        if confirmed.contains(user) || line.contains(user) { return .alreadyRegistered }
        if confirmed.count < capacity, line.isEmpty || !lineMoves {
            confirmed.insert(user)
        } else if hasLine {
            line.append(user)
        } else {
            return .full
        }
        return nil
    }

    mutating func cancel(_ user: UserID) {
        confirmed.remove(user)
        line.removeAll { $0 == user }
        promote()
    }

    mutating func promote() {
        while lineMoves, confirmed.count < capacity, !line.isEmpty { confirmed.insert(line.removeFirst()) }
    }
}

extension TestWorld {
    /// What the rows say, in the model's words.
    func model(of event: EventID) async throws -> PlacesModel {
        guard let stored = try await events.find(event) else { throw DomainError.notFound }
        var model = PlacesModel(capacity: stored.places.capacity, hasLine: stored.details.waitlistEnabled)
        model.isClosed = stored.details.registrationClosesAt != nil
        model.promotesAfterClose = stored.details.promoteAfterClose
        let rows = try await database.read(
            """
            SELECT user_id, status FROM registrations WHERE event_id = \(event) AND status <> 'cancelled'
            ORDER BY line_number NULLS FIRST
            """)
        for row in rows {
            let user = try row.decode("user_id", as: UserID.self)
            if try row.decode("status", as: String.self) == "confirmed" {
                model.confirmed.insert(user)
            } else {
                model.line.append(user)
            }
        }
        return model
    }

    /// Changes an event as the organizer's edit does.
    func edit(_ event: EventID, _ change: (inout EventDetails) -> Void) async throws {
        try await database.transaction { transaction in
            guard let stored = try await events.find(event, on: transaction) else { throw DomainError.notFound }
            var details = stored.details
            change(&details)
            try await registrations.lockPlaces(of: event, on: transaction)
            _ = try await events.update(event, details, expecting: stored.version, on: transaction)
            try await registrations.setCapacity(details.capacity, of: event, now: Date(), on: transaction)
        }
    }

    /// A person's registration that counts.
    func active(_ user: UserID, in event: EventID) async throws -> RegistrationID? {
        try await database.read(
            "SELECT id FROM registrations WHERE event_id = \(event) AND user_id = \(user) AND status <> 'cancelled'"
        ).first?.decode("id")
    }
}

/// The same numbers for the same seed (SplitMix64; Steele, Lea, Flood 2014).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
