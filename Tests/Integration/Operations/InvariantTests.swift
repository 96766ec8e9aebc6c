@testable import api_service
import Domain
import FoundationEssentials
import Logging
import Persistence
import Postgres
import TestSupport
import Testing

@Suite("The invariant check")
struct InvariantTests {
    @Test("a world that was only ever changed through the door is clean")
    func clean() async throws {
        try await TestWorld.run { world in
            let people = try await people(5, world)
            for needsLine in [true, false] { _ = try await scene(world, people, needsLine: needsLine) }
            let report = try await InvariantStore(world.database).check(stuckAfter: 300)
            #expect(report.findings.map(\.invariant) == [])
            #expect(report.severity == nil)
            #expect(report.scope.events == 2)
            #expect(report.scope.registrations == 8)
            #expect(report.scope.tickets == 6)
            #expect(report.scope.messages >= 8)
        }
    }

    @Test(
        "each invariant that is broken is found, on the event where it is broken and nowhere else, in however many steps",
        arguments: [500, 1])
    func everyInvariant(eventsPerStep: Int) async throws {
        try await TestWorld.run { world in
            try await world.owner.execute(InvariantHarm.loosening)
            let people = try await people(5, world)
            var expected: [Invariant: Set<EventID>] = [:]
            for harm in InvariantHarm.all {
                let event = try await scene(world, people, needsLine: harm.needsLine)
                try await world.owner.execute(harm.statements(event))
                expected[harm.invariant, default: []].insert(event)
            }
            var store = InvariantStore(world.database)
            store.eventsPerStep = eventsPerStep
            let report = try await store.check(stuckAfter: 300)
            for invariant in Invariant.allCases {
                let finding = report.findings.first { $0.invariant == invariant }
                #expect(Set(finding?.examples.compactMap(\.eventID) ?? []) == expected[invariant], "\(invariant)")
                #expect(expected[invariant] != nil, "\(invariant) has no test that breaks it")
                let isStuck = invariant.severity == .stuck
                #expect(finding?.oldestAge.map { (3590...3700).contains($0) } ?? !isStuck, "\(invariant)")
            }
            #expect(report.severity == .violation)
            #expect(report.findings.first?.invariant.severity == .violation)
            #expect(report.findings.last?.invariant.severity == .stuck)
        }
    }

    @Test("places that nobody may move up to are not idle")
    func promotionClosed() async throws {
        try await TestWorld.run { world in
            let event = try await scene(world, try await people(5, world), needsLine: true)
            try await world.owner.execute([
                "UPDATE event_places SET capacity = capacity + 1 WHERE event_id = \(event)",
                """
                UPDATE events SET registration_closes_at = now() - interval '1 hour', promote_after_close = false
                WHERE id = \(event)
                """,
            ])
            #expect(try await InvariantStore(world.database).check(stuckAfter: 300).findings.isEmpty)
        }
    }

    @Test("old messages may have been removed, not quite in the order of their numbers")
    func removedMessages() async throws {
        try await TestWorld.run { world in
            let event = try await scene(world, try await people(5, world), needsLine: true)
            try await world.owner.execute("DELETE FROM outbox WHERE event_id = \(event) AND sequence IN (1, 3)")
            let store = InvariantStore(world.database)
            #expect(try await store.check(stuckAfter: 300).findings.isEmpty)
            try await world.owner.execute([
                "UPDATE outbox SET sequence = 2000 WHERE event_id = \(event) AND sequence = 5",
                "UPDATE outbox_sequences SET last = 2000 WHERE event_id = \(event)",
            ])
            #expect(try await store.check(stuckAfter: 300).findings.map(\.invariant) == [.sequenceBroken])
        }
    }

    @Test("what is young is not stuck, and what is stuck is no violation")
    func stuck() async throws {
        try await TestWorld.run { world in
            let event = try await scene(world, try await people(5, world), needsLine: false)
            try await world.owner.execute([
                "UPDATE outbox SET published_at = NULL, occurred_at = now() - interval '100 seconds' WHERE sequence = 2"
            ])
            let store = InvariantStore(world.database)
            #expect(try await store.check(stuckAfter: 300).severity == nil)
            let report = try await store.check(stuckAfter: 60)
            #expect(report.severity == .stuck)
            #expect(report.findings.map(\.invariant) == [.unpublished])
            #expect(report.findings.first?.examples.map(\.eventID) == [event])
        }
    }

    @Test("of many examples twenty are shown, the oldest first, and all are counted")
    func bounded() async throws {
        try await TestWorld.run { world in
            let user = try await world.person()
            try await world.owner.execute([
                """
                INSERT INTO notifications (id, user_id, cause_id, kind, created_at)
                SELECT gen_random_uuid(), \(user.id), gen_random_uuid(), 'test', now() - n * interval '1 hour'
                FROM generate_series(1, 30) n
                """
            ])
            let report = try await InvariantStore(world.database).check(stuckAfter: 300)
            let finding = try #require(report.findings.first)
            #expect(finding.count == 30)
            #expect(finding.examples.count == 20)
            let hours = finding.examples.map { (($0.age ?? 0) + 60) / 3600 }
            #expect(hours == Array((11...30).reversed()))
            #expect(finding.oldestAge.map { $0 / 3600 } == 30)
        }
    }

    @Test(
        "administrators hear what was found last while a look goes on in the background, and at once what broke since")
    func background() async throws {
        try await TestWorld.run { world in
            let people = try await people(5, world)
            for _ in 0..<3 { _ = try await scene(world, people, needsLine: false) }
            var store = InvariantStore(world.database)
            store.eventsPerStep = 1
            let watch = InvariantMonitor(store, stuckAfter: 300, logger: Logger(label: "test"))
            // Nobody looks so far.
            #expect(try await watch.finding(noOlderThan: .seconds(60), within: .zero) == nil)
            try await withThrowingTaskGroup { group in
                group.addTask { try await watch.run() }
                let found = try #require(try await watch.finding(noOlderThan: .zero, within: .seconds(60)))
                #expect(found.report.scope.events == 3 && found.report.findings.isEmpty)
                try await world.owner.execute("UPDATE event_places SET confirmed = confirmed + 1")
                let kept = try #require(try await watch.finding(noOlderThan: .seconds(60), within: .seconds(60)))
                #expect(kept.endedAt == found.endedAt && kept.report.findings.isEmpty)
                // While somebody else looks, what is known is what there is.
                try await world.owner.transaction { transaction in
                    try await transaction.query("SELECT pg_advisory_xact_lock(7313)")
                    let meanwhile = try #require(try await watch.finding(noOlderThan: .zero, within: .milliseconds(50)))
                    #expect(meanwhile.endedAt == found.endedAt)
                }
                let whole = try #require(try await watch.finding(noOlderThan: .zero, within: .seconds(60)))
                #expect(whole.report.findings.map(\.invariant) == [.confirmedCounter])
                group.cancelAll()
                try await group.waitForAll()
            }
        }
    }

    @Test("one check at a time reads everything")
    func oneAtATime() async throws {
        try await TestWorld.run { world in
            try await world.owner.transaction { transaction in
                try await transaction.query("SELECT pg_advisory_xact_lock(7313)")
                await #expect(throws: InvariantStore.AlreadyRunning.self) {
                    _ = try await InvariantStore(world.database).check(stuckAfter: 300)
                }
            }
            #expect(try await InvariantStore(world.database).check(stuckAfter: 300).findings.isEmpty)
        }
    }

    // MARK: The scene

    private func people(_ count: Int, _ world: TestWorld) async throws -> [User] {
        var people: [User] = []
        for number in 0..<count { people.append(try await world.person("Guest \(number)")) }
        return people
    }

    /// Three places taken, with tickets, of three (and two people in line) or of ten; all messages numbered and told.
    private func scene(_ world: TestWorld, _ people: [User], needsLine: Bool) async throws -> EventID {
        let event = try await world.event(of: people[0], capacity: needsLine ? 3 : 10, waitlist: needsLine)
        for person in people.prefix(needsLine ? 5 : 3) { _ = try await world.register(person, for: event) }
        try await world.owner.execute([
            """
            INSERT INTO tickets (id, registration_id, event_id, user_id, code, qr_text)
            SELECT gen_random_uuid(), id, event_id, user_id, id::text, id::text
            FROM registrations WHERE event_id = \(event) AND status = 'confirmed'
            """,
            """
            UPDATE outbox SET sequence = place, published_at = now(), live_at = now()
            FROM (
                SELECT id, row_number() OVER (ORDER BY id) AS place
                FROM outbox WHERE event_id = \(event) AND destination = 'events'
            ) numbered
            WHERE outbox.id = numbered.id
            """,
            """
            INSERT INTO outbox_sequences (event_id, last)
            SELECT event_id, max(sequence) FROM outbox WHERE event_id = \(event) GROUP BY event_id
            """,
        ])
        return event
    }
}
