import Domain
import FoundationEssentials
import Persistence
import Postgres
import TestSupport
import Testing

@Suite("One admission per ticket")
struct OneAdmissionTests {
    /// 200 scans of one ticket, 50 at each of four gates, all at once.
    private func crowd(_ gate: GateWorld) async throws -> [CheckInOutcome] {
        try await withThrowingTaskGroup(of: CheckInOutcome.self) { group in
            for number in 0..<200 {
                group.addTask {
                    let name = "gate \(number % 4)"
                    let scan = Scan(gate: name, device: "\(name), device", scanID: "\(number)", at: Date())
                    return try await gate.check(gate.tickets[0], scan)
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
    }

    @Test("of 200 scans at four gates one is admitted, and 199 are duplicates that name the same first scan")
    func crowdOfScans() async throws {
        try await GateWorld.run(tickets: 1) { gate in
            let results = try await crowd(gate)
            let admitted = results.filter { $0.result == .admitted }
            #expect(admitted.count == 1)
            let duplicates = results.filter { $0.result == .duplicate }
            #expect(duplicates.count == 199)
            let checkIn = try #require(admitted.first?.checkInID)
            #expect(duplicates.allSatisfy { $0.checkInID == checkIn })
            let stored = try #require(try await gate.store.find(checkIn))
            #expect(duplicates.allSatisfy { $0.firstScan?.at == stored.at && $0.firstScan?.gate == stored.gate })
            #expect(try await gate.messages(.ticketCheckedIn) == 1)
            let scans = try await gate.store.list(of: gate.event, after: nil, limit: 100)
            #expect(scans.items.count == 100 && scans.next != nil)
        }
    }

    @Test("control: without the unique constraints the same crowd gets in more than once")
    func withoutConstraints() async throws {
        try await GateWorld.run(tickets: 1) { gate in
            try await gate.world.owner.execute([
                "ALTER TABLE check_ins DROP CONSTRAINT check_ins_once", "DROP INDEX check_ins_once_per_registration",
            ])
            let admitted = try await crowd(gate).filter { $0.result == .admitted }
            #expect(admitted.count > 1)
        }
    }

    @Test("a scan sent again gets its first answer, whatever happened since")
    func sentAgain() async throws {
        try await GateWorld.run(tickets: 1) { gate in
            let ticket = gate.tickets[0]
            let first = Scan(gate: "North", device: "a", scanID: "1", at: Date())
            let second = Scan(gate: "South", device: "b", scanID: "1", at: Date())
            for _ in 0..<2 {
                #expect(try await gate.check(ticket, first).result == .admitted)
                let duplicate = try await gate.check(ticket, second)
                #expect(duplicate.result == .duplicate)
                #expect(duplicate.firstScan?.gate == "North")
            }
            _ = try await gate.world.submit(.cancel(ticket.registrationID, of: gate.event, by: gate.owner.id))
            #expect(try await gate.check(ticket, first).result == .admitted)
            let third = Scan(gate: "South", device: "b", scanID: "2", at: Date())
            #expect(try await gate.check(ticket, third).result == .revoked)
        }
    }

    @Test("whoever came with one ticket of a registration does not come again with the next one")
    func oncePerRegistration() async throws {
        try await GateWorld.run(tickets: 1) { gate in
            let scan = Scan(gate: "North", device: "a", scanID: "1", at: Date())
            #expect(try await gate.check(gate.tickets[0], scan).result == .admitted)
            try await gate.world.owner.execute("UPDATE tickets SET status = 'revoked', revoked_at = now()")
            let registration = try #require(
                try await gate.world.registrations.find(gate.tickets[0].registrationID)?.registration)
            let next = try await gate.world.issue(for: registration)
            let again = try await gate.check(next, Scan(gate: "South", device: "b", scanID: "1", at: Date()))
            #expect(again.result == .duplicate)
            #expect(again.firstScan?.gate == "North")
        }
    }
}
