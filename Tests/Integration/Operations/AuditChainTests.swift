import Domain
import FoundationEssentials
@testable import Persistence
import Postgres
import TestSupport
import Testing

/// The audit log and its chain, on a real database.
@Suite("The audit log")
struct AuditChainTests {
    /// Ten sealed entries, every second one with a content, about two people.
    private struct Log {
        var world: TestWorld
        var seals: AuditSealStore
        var actor: UserID
        var subject: UserID

        static func run(_ test: (Log) async throws -> Void) async throws {
            try await TestWorld.run { world in
                let log = Log(
                    world: world, seals: AuditSealStore(world.database), actor: try await world.person("Olga").id,
                    subject: try await world.person("Tess").id)
                for number in 0..<10 { try await log.write(number) }
                #expect(try await log.seals.seal(limit: 4)?.sealed == 4)
                #expect(try await log.seals.seal(limit: 100)?.sealed == 6)
                try await test(log)
            }
        }

        func write(_ number: Int) async throws {
            let content = AuditContent(before: ["step": "\(number)"], after: ["step": "\(number + 1)"])
            try await world.database.transaction { transaction in
                try await AuditStore().record(
                    "test.step", by: actor, subject: number < 4 ? subject.uuid : nil,
                    number.isMultiple(of: 2) ? content : AuditContent(), on: transaction)
            }
        }

        func verify(noted: AuditHead? = nil) async throws -> AuditReport {
            try await seals.verify(noted: noted, page: 3)
        }

        /// What an intruder with the owner's rights does.
        func harm(_ script: String) async throws {
            try await world.owner.session { try await $0.runScript(Array(script.utf8)) }
        }
    }

    @Test("as it was written, it is whole; entries are numbered without gaps and their contents can be read")
    func whole() async throws {
        try await Log.run { log in
            let report = try await log.verify()
            #expect(report.findings == [])
            #expect(report.sealed == 10)
            #expect(report.head?.number == 10)
            #expect(report.waiting == 0)
            let page = try await log.seals.list(AuditFilter(action: "test"), after: nil, limit: 4)
            #expect(page.items.map(\.sealNumber) == [10, 9, 8, 7])
            #expect(page.items[1].content == AuditContent(before: ["step": "8"], after: ["step": "9"]))
            let rest = try await log.seals.list(AuditFilter(action: "test"), after: page.next, limit: 100)
            #expect(rest.items.count == 6)
            #expect(rest.items.allSatisfy { $0.actorName == "Olga" })
            // What is not sealed yet is no finding.
            try await log.write(10)
            let later = try await log.verify(noted: report.head)
            #expect(later.findings == [])
            #expect(later.waiting == 1)
        }
    }

    @Test(
        "what was done to it behind its back is found, and nothing else",
        arguments: [
            ("UPDATE audit SET action = 'test.other' WHERE id = 5", AuditFinding.Kind.changed),
            ("UPDATE audit SET actor_id = NULL WHERE id = 5", .changed),
            ("UPDATE audit SET at = at - interval '1 microsecond' WHERE id = 5", .changed),
            ("UPDATE audit SET content_digest = sha256('x') WHERE id = 6", .changed),
            ("DELETE FROM audit WHERE id = 5", .removed),
            ("DELETE FROM audit WHERE id = 5; DELETE FROM audit_seals WHERE audit_id = 5", .sealMissing),
            ("DELETE FROM audit_seals WHERE audit_id = 5", .unsealed),
            ("UPDATE audit_contents SET content = '{}' WHERE audit_id = 5", .contentChanged),
            ("DELETE FROM audit_contents WHERE audit_id = 5", .contentRemoved),
            // Two entries change places: their seals, or everything that they say.
            (
                """
                UPDATE audit_seals SET number = number + 100 WHERE number IN (5, 6);
                UPDATE audit_seals SET number = 111 - number WHERE number > 100
                """, .changed
            ),
            (
                """
                UPDATE audit_seals SET audit_id = -audit_id WHERE audit_id IN (5, 6);
                UPDATE audit_seals SET audit_id = 11 + audit_id WHERE audit_id < 0
                """, .changed
            ),
            (
                "ALTER TABLE audit DISABLE TRIGGER audit_awaits_its_seal; INSERT INTO audit (action) VALUES ('test.forged')",
                .unsealed
            ),
        ])
    func harm(script: String, finding: AuditFinding.Kind) async throws {
        try await Log.run { log in
            // The control: without the harm there is nothing to find.
            #expect(try await log.verify().findings == [])
            try await log.harm(script)
            let report = try await log.verify()
            #expect(report.findings.contains { $0.kind == finding }, "\(report.findings)")
            // One row's harm is told of that row and its neighbours, not of all that follow.
            #expect(report.findings.allSatisfy { ($0.number ?? 5) < 9 && ($0.entry ?? 5) < 12 }, "\(report.findings)")
        }
    }

    @Test("taken out with its seal, and the gap closed, an entry shows in every seal that came after it")
    func closedGap() async throws {
        try await Log.run { log in
            try await log.harm(
                """
                DELETE FROM audit WHERE id = 5; DELETE FROM audit_seals WHERE number = 5;
                UPDATE audit_seals SET number = number + 100 WHERE number > 5;
                UPDATE audit_seals SET number = number - 101 WHERE number > 100
                """)
            let report = try await log.verify()
            #expect(report.findings.map(\.kind) == Array(repeating: .changed, count: 5))
        }
    }

    @Test("cut off at its end, or sealed anew from the first row on, it no longer has the head that was noted")
    func head() async throws {
        try await Log.run { log in
            let head = try #require(try await log.verify().head)
            try await log.harm("DELETE FROM audit WHERE id = 10; DELETE FROM audit_seals WHERE number = 10")
            // The control: by itself the chain can't know what came after its end.
            #expect(try await log.verify().findings == [])
            #expect(try await log.verify(noted: head).findings.map(\.kind) == [.headMissing])
        }
        try await Log.run { log in
            let head = try #require(try await log.verify().head)
            try await log.harm(
                """
                UPDATE audit SET action = 'test.other' WHERE id = 5;
                DELETE FROM audit_seals; INSERT INTO audit_unsealed SELECT id FROM audit
                """)
            _ = try await log.seals.seal(limit: 100)
            #expect(try await log.verify().findings == [])
            #expect(try await log.verify(noted: head).findings.map(\.kind) == [.headMissing])
        }
    }

    @Test("a person's values are erased and the chain stays whole")
    func erasure() async throws {
        try await Log.run { log in
            let before = try #require(try await log.verify().head)
            let erased = try await log.world.database.transaction { transaction in
                try await AuditStore().erase(log.subject, on: transaction)
            }
            #expect(erased == 2)
            _ = try await log.seals.seal(limit: 100)
            let report = try await log.verify(noted: before)
            #expect(report.findings == [])
            #expect(report.erased == 2)
            let shown = try await log.seals.list(AuditFilter(subject: log.subject.uuid), after: nil, limit: 10).items
            #expect(shown.map(\.action) == ["audit.contents-erased"] + Array(repeating: "test.step", count: 4))
            #expect(shown.count { $0.isErased } == 2)
        }
    }

    @Test("sealers at work at the same time seal every entry once, in one chain, while writers go on")
    func manySealers() async throws {
        try await TestWorld.run { world in
            let log = Log(
                world: world, seals: AuditSealStore(world.database), actor: try await world.person().id,
                subject: try await world.person().id)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for writer in 0..<4 {
                    group.addTask { for number in 0..<15 { try await log.write(writer * 100 + number) } }
                }
                for _ in 0..<4 {
                    group.addTask { for _ in 0..<40 { _ = try await log.seals.seal(limit: 7) } }
                }
                try await group.waitForAll()
            }
            while try await log.seals.seal(limit: 100)?.sealed != 0 {}
            let report = try await log.verify()
            #expect(report.sealed == 60)
            #expect(report.findings == [])
        }
    }

    @Test(
        "the services' role can add to the log and read it, and nothing else",
        arguments: [
            "UPDATE audit SET action = 'x'", "DELETE FROM audit", "TRUNCATE audit",
            "INSERT INTO audit (action, at) VALUES ('x', now() - interval '1 day')",
            "UPDATE audit_contents SET content = ''", "DELETE FROM audit_contents", "UPDATE audit_seals SET number = 1",
            "DELETE FROM audit_seals", "INSERT INTO audit_unsealed VALUES (1)",
            "ALTER TABLE audit DISABLE TRIGGER ALL",
        ])
    func rights(statement: String) async throws {
        try await Log.run { log in
            let error = await #expect(throws: PostgresError.self) {
                try await log.world.database.session { try await $0.runScript(Array(statement.utf8)) }
            }
            #expect(error?.sqlState == "42501")
            let report = try await log.verify()
            #expect(report.findings == [])
        }
    }
}
