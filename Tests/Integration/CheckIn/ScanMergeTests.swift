import Domain
import FoundationEssentials
import Persistence
import Postgres
import TestSupport
import Testing

@Suite("Merging offline scans")
struct ScanMergeTests {
    private let start = Date(timeIntervalSince1970: (Date().timeIntervalSince1970 - 3600).rounded())

    private func scan(
        _ ticket: Ticket, _ seconds: Double, _ device: String, _ id: String = "1", letIn: Bool = true
    ) -> OfflineScan {
        OfflineScan(
            .ticket(ticket.id),
            scan: Scan(gate: "gate of \(device)", device: device, scanID: id, at: start + seconds), letIn: letIn)
    }

    private func merge(_ scans: [OfflineScan], _ gate: GateWorld) async throws -> [CheckInOutcome] {
        try await gate.world.database.transaction { transaction in
            try await gate.store.merge(scans, at: gate.event, by: gate.owner.id, now: Date(), on: transaction)
        }
    }

    /// What the organizer sees in the end: who was let in by which scan, and the conflicts.
    private func state(_ gate: GateWorld) async throws -> [String] {
        let rows = try await gate.world.database.read(
            "SELECT c.device, c.scan_id, c.at, t.code FROM check_ins c JOIN tickets t ON t.id = c.ticket_id ORDER BY t.code"
        )
        let counted = try rows.map { row in
            let (device, at) = (try row.decode("device", as: String.self), try row.decode("at", as: Date.self))
            return "\(try row.decode("code", as: String.self)) \(device) \(Timestamp.text(at))"
        }
        let conflicts = try await gate.store.conflicts(of: gate.event, after: nil, limit: 100).items.map { conflict in
            "\(conflict.kind) \(conflict.scans.map { "\($0.device ?? "") \(Timestamp.text($0.at))" })"
        }
        return counted + conflicts.sorted()
    }

    @Test("every order in which the gates come back leads to the same check-ins and the same conflicts")
    func everyOrder() async throws {
        var states: Set<[String]> = []
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            try await GateWorld.run(tickets: 3, codes: ["A", "B", "C"]) { gate in
                let batches = [
                    [scan(gate.tickets[0], 20, "north"), scan(gate.tickets[1], 5, "north", "2")],
                    [scan(gate.tickets[0], 10, "south"), scan(gate.tickets[0], 12, "south", "2")],
                    [scan(gate.tickets[2], 1, "east"), scan(gate.tickets[0], 30, "east", "2")],
                ]
                for number in order { _ = try await merge(batches[number], gate) }
                // Once more, as after a lost answer: nothing changes.
                for number in order { _ = try await merge(batches[number], gate) }
                states.insert(try await state(gate))
                let scans = try await gate.world.database.read("SELECT count(*) AS count FROM scans")
                #expect(try scans.first?.decode("count") == 6)
                #expect(try await gate.messages(.ticketCheckedIn) == 3)
                #expect(try await gate.violations().isEmpty)
            }
        }
        #expect(states.count == 1)
        #expect(states.first?.count == 4)
        #expect(states.first?.first?.contains("south") == true)
    }

    @Test("a conflict names the other gate and its time, to both of them")
    func conflicts() async throws {
        try await GateWorld.run(tickets: 1) { gate in
            let (north, south) = (scan(gate.tickets[0], 20, "north"), scan(gate.tickets[0], 10, "south"))
            let first = try await merge([north], gate)[0]
            #expect(first.result == .admitted)
            #expect(first.conflict == nil)
            let second = try await merge([south], gate)[0]
            #expect(second.result == .admitted, "it was the earlier one")
            #expect(second.conflict?.gate == "gate of north")
            #expect(second.conflict?.at == north.scan.at)
            let again = try await merge([north], gate)[0]
            #expect(again.result == .duplicate)
            #expect(again.firstScan?.gate == "gate of south")
            #expect(again.conflict?.at == south.scan.at)
        }
    }

    @Test("who was admitted online meanwhile is a conflict, and a scan that the gate refused is none")
    func onlineMeanwhile() async throws {
        try await GateWorld.run(tickets: 2) { gate in
            for (number, ticket) in gate.tickets.enumerated() {
                let online = Scan(gate: "Main", device: "main", scanID: "\(number)", at: start + 60)
                #expect(try await gate.check(ticket, online).result == .admitted)
            }
            let results = try await merge(
                [scan(gate.tickets[0], 90, "north"), scan(gate.tickets[1], 90, "north", "2", letIn: false)], gate)
            #expect(results.map(\.result) == [.duplicate, .duplicate])
            #expect(results[0].conflict?.gate == "Main")
            #expect(results[1].conflict == nil)
            #expect(try await gate.store.conflicts(of: gate.event, after: nil, limit: 10).items.count == 1)
        }
    }

    @Test("a ticket revoked before the scan was let in wrongly, and the organizer sees it; one revoked later was good")
    func revoked() async throws {
        try await GateWorld.run(tickets: 2) { gate in
            for ticket in gate.tickets {
                _ = try await gate.world.cancel(ticket.registrationID, of: gate.event)
            }
            let after = Date() + 5
            let late = OfflineScan(
                .ticket(gate.tickets[1].id), scan: Scan(gate: "North", device: "north", scanID: "2", at: after),
                letIn: true)
            let results = try await merge([scan(gate.tickets[0], 0, "north"), late], gate)
            #expect(results.map(\.result) == [.admitted, .revoked])
            let conflicts = try await gate.store.conflicts(of: gate.event, after: nil, limit: 10).items
            #expect(conflicts.map(\.kind) == [.refusedLater])
            #expect(conflicts.first?.scans.first?.result == .revoked)
        }
    }

    @Test("what an organizer took back stays so for scans from before, and the ticket is good again")
    func undone() async throws {
        try await GateWorld.run(tickets: 1) { gate in
            let admitted = try await merge([scan(gate.tickets[0], 10, "north")], gate)[0]
            let id = try #require(admitted.checkInID)
            for _ in 0..<2 {
                let undone = try await gate.undo(id, "the wrong person")
                #expect(undone.undoReason == "the wrong person")
            }
            #expect(try await gate.messages(.ticketCheckInUndone) == 1)
            // A gate that was away all the time: its scan is from before.
            _ = try await merge([scan(gate.tickets[0], 20, "south")], gate)
            let none = try await gate.world.database.read("SELECT 1 FROM check_ins")
            #expect(none.isEmpty)
            #expect(try await gate.store.conflicts(of: gate.event, after: nil, limit: 10).items.isEmpty)
            // The undone scan sent again does not let anybody in again.
            _ = try await merge([scan(gate.tickets[0], 10, "north")], gate)
            let stillNone = try await gate.world.database.read("SELECT 1 FROM check_ins")
            #expect(stillNone.isEmpty)
            let online = Scan(gate: "Main", device: "main", scanID: "9", at: Date())
            #expect(try await gate.check(gate.tickets[0], online).result == .admitted)
        }
    }

    @Test("gates that come back at the same moment do not get in each other's way")
    func atOnce() async throws {
        try await GateWorld.run(tickets: 20) { gate in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for device in ["north", "south", "east", "west"] {
                    group.addTask {
                        let scans = gate.tickets.shuffled().enumerated().map { number, ticket in
                            scan(ticket, device == "east" ? 0 : 30, device, "\(number)")
                        }
                        _ = try await merge(scans, gate)
                    }
                }
                try await group.waitForAll()
            }
            let devices = try await gate.world.database.read("SELECT DISTINCT device FROM check_ins")
            #expect(try devices.map { try $0.decode("device", as: String.self) } == ["east"])
            #expect(try await gate.messages(.ticketCheckedIn) == 20)
            let conflicts = try await gate.store.conflicts(of: gate.event, after: nil, limit: 5)
            #expect(conflicts.items.count == 5)
            let rest = try await gate.store.conflicts(of: gate.event, after: conflicts.next, limit: 100)
            #expect(rest.items.count == 15)
            #expect(rest.items.allSatisfy { $0.scans.count == 4 })
        }
    }
}
