import Domain
import FoundationEssentials
import Postgres
import TestSupport
import Testing

@testable import Persistence

@Suite("Whoever is inside stays counted")
struct CheckedInTests {
    @Test("a holder who was let in gives the place to nobody; an organizer takes back both")
    func cancelling() async throws {
        try await GateWorld.run(tickets: 1) { gate in
            let ticket = gate.tickets[0]
            _ = try await gate.check(ticket, Self.scan("1"))
            await #expect(throws: DomainError.alreadyCheckedIn) {
                try await gate.world.cancel(ticket.registrationID, of: gate.event)
            }
            #expect(try await gate.world.counted(gate.event).counters.confirmed == 1)

            let removed = try await gate.world.submit(
                .cancel(ticket.registrationID, of: gate.event, by: gate.owner.id, reason: "moved"))
            #expect(removed.status == .cancelled)
            #expect(try await gate.messages(.ticketCheckInUndone) == 1)
            #expect(try await gate.check(ticket, Self.scan("2")).result == .revoked)
            #expect(try await gate.world.owner.read("SELECT 1 FROM check_ins").isEmpty)
            #expect(try await gate.violations() == [])
            // The same person may come back, and is let in once.
            let again = try await gate.world.register(
                try #require(try await gate.world.users.find(ticket.userID)), for: gate.event)
            let next = try await gate.world.issue(for: again)
            #expect(try await gate.check(next, Self.scan("3")).result == .admitted)
            #expect(try await gate.violations() == [])
        }
    }

    @Test("a scan under way is waited for: the place is not given up behind it")
    func race() async throws {
        try await GateWorld.run(tickets: 1) { gate in
            let refusal = try await cancelDuringScan(gate, RegistrationStore(gate.world.database))
            #expect(refusal == .alreadyCheckedIn)
            #expect(try await gate.violations() == [])
        }
    }

    @Test("control: without the hold on the ticket somebody is inside whose place was given up")
    func raceWithoutGuard() async throws {
        try await GateWorld.run(tickets: 1) { gate in
            let guards = CapacityRow.Guards.all.subtracting(.tickets)
            let refusal = try await cancelDuringScan(gate, RegistrationStore(gate.world.database, guards: guards))
            #expect(refusal == nil)
            #expect(try await gate.violations().contains("admitted-without-place"))
        }
    }

    /// Cancels while a scan has let the holder in and is about to commit; answers the refusal, if any.
    private func cancelDuringScan(_ gate: GateWorld, _ store: RegistrationStore) async throws -> DomainError? {
        let ticket = gate.tickets[0]
        return try await withThrowingTaskGroup(of: DomainError?.self) { group in
            try await gate.world.database.transaction { transaction in
                _ = try await gate.store.checkIn(
                    .ticket(ticket.id), at: gate.event, scan: Self.scan("1"), by: gate.owner.id, on: transaction)
                group.addTask {
                    do {
                        _ = try await gate.world.submit(.cancel(ticket.registrationID, of: gate.event), at: store)
                        return nil
                    } catch let refusal as DomainError {
                        return refusal
                    }
                }
                let deadline = ContinuousClock.now + .seconds(20)
                while try await gate.world.owner.read("SELECT 1 FROM pg_locks WHERE NOT granted").isEmpty {
                    try #require(.now < deadline, "nobody waits for the scan")
                    try await Task.sleep(for: .milliseconds(5))
                }
            }
            return try await group.next() ?? nil
        }
    }

    @Test("a device's name for a scan stands for one code: another one under it is refused, and tells no name")
    func anotherCode() async throws {
        try await GateWorld.run(tickets: 2) { (gate: GateWorld) async throws in
            var scan = Self.scan("1")
            #expect(try await gate.check(gate.tickets[0], scan).result == .admitted)
            #expect(try await gate.check(gate.tickets[0], scan).result == .admitted)
            await #expect(throws: CheckInStore.scanIDReused) { try await gate.check(gate.tickets[1], scan) }
            // What is no ticket of ours is told apart by its text.
            func unknown(_ hash: UInt8, _ scanID: String) async throws -> CheckInOutcome {
                scan = Self.scan(scanID)
                scan.codeHash = [UInt8](repeating: hash, count: 32)
                return try await gate.world.database.transaction { [scan] transaction in
                    try await gate.store.checkIn(
                        .refused(.unknown), at: gate.event, scan: scan, by: gate.owner.id, on: transaction)
                }
            }
            #expect(try await unknown(1, "2").result == .unknown)
            #expect(try await unknown(1, "2").result == .unknown)
            await #expect(throws: CheckInStore.scanIDReused) { try await unknown(2, "2") }
            await #expect(throws: CheckInStore.scanIDReused) { try await unknown(2, "1") }
        }
    }

    @Test("the same holds for scans that a gate sends later")
    func anotherCodeLater() async throws {
        try await GateWorld.run(tickets: 2) { (gate: GateWorld) async throws in
            func merge(_ scans: [(Ticket, String)]) async throws -> [CheckInResult] {
                try await gate.world.database.transaction { transaction in
                    try await gate.store.merge(
                        scans.map { OfflineScan(.ticket($0.id), scan: Self.scan($1), letIn: true) }, at: gate.event,
                        by: gate.owner.id, now: Date(), on: transaction
                    ).map(\.result)
                }
            }
            let (one, two) = (gate.tickets[0], gate.tickets[1])
            #expect(try await merge([(one, "1"), (one, "1"), (two, "2")]) == [.admitted, .admitted, .admitted])
            await #expect(throws: CheckInStore.scanIDReused) { try await merge([(two, "1")]) }
            await #expect(throws: CheckInStore.scanIDReused) { try await merge([(one, "3"), (two, "3")]) }
        }
    }

    private static func scan(_ id: String) -> Scan { Scan(gate: "North", device: "d", scanID: id, at: Date()) }
}
