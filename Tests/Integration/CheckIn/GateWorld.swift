import Domain
import FoundationEssentials
import Persistence
import Postgres
import TestSupport

/// An event with tickets, and a gate.
struct GateWorld: Sendable {
    let world: TestWorld
    let owner: User
    let event: EventID
    let tickets: [Ticket]
    var store: CheckInStore { CheckInStore(world.database) }

    /// - Parameter codes: of the tickets, where they matter.
    static func run(
        tickets count: Int, codes: [String]? = nil, _ test: (GateWorld) async throws -> Void
    ) async throws {
        try await TestWorld.run { world in
            let owner = try await world.person("Olga", role: .organizer)
            let event = try await world.event(of: owner, capacity: count)
            var tickets: [Ticket] = []
            for number in 0..<count {
                let registration = try await world.register(try await world.person("Guest \(number)"), for: event)
                tickets.append(try await world.issue(for: registration, code: codes?[number]))
            }
            try await test(GateWorld(world: world, owner: owner, event: event, tickets: tickets))
        }
    }

    func check(_ ticket: Ticket, _ scan: Scan) async throws -> CheckInOutcome {
        try await world.database.transaction { transaction in
            try await store.checkIn(.ticket(ticket.id), at: event, scan: scan, by: owner.id, on: transaction)
        }
    }

    func undo(_ id: CheckInID, _ reason: String) async throws -> RecordedScan {
        try await world.database.transaction { transaction in
            try await store.undo(id, by: owner.id, reason: reason, now: Date(), on: transaction)
        }
    }

    func messages(_ type: MessageType) async throws -> Int {
        try await world.database.read(
            "SELECT count(*) AS count FROM outbox WHERE type = \(type.rawValue)"
        ).first?.decode("count") ?? 0
    }

    /// What the check of the invariants finds broken, not merely late.
    func violations() async throws -> [String] {
        try await InvariantStore(world.database).check(stuckAfter: 3600).findings
            .filter { $0.invariant.severity == .violation }.map(\.invariant.rawValue)
    }
}

extension TestWorld {
    /// A ticket as ticket-worker stores it, but for its signature.
    func issue(for registration: Registration, code: String? = nil) async throws -> Ticket {
        try await database.transaction { transaction in
            guard let occasion = try await tickets.occasions(for: [registration.id], on: transaction).first else {
                throw DomainError.notFound
            }
            var generator = SystemRandomNumberGenerator()
            let ticket = Ticket(
                id: TicketID(), eventID: occasion.eventID, registrationID: registration.id, userID: occasion.userID,
                code: code ?? TicketCode(using: &generator).description, qrText: "EM1:", status: .valid,
                issuedAt: Date(), revokedAt: nil, checkedInAt: nil)
            _ = try await tickets.insert(
                [.init(ticket, number: occasion.issued + 1, owner: occasion.ownerID)], on: transaction)
            return ticket
        }
    }
}
