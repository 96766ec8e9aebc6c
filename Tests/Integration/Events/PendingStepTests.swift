import Domain
import FoundationEssentials
import Postgres
import TestSupport
import Testing

@testable import Persistence

@Suite("An event is called off in steps")
struct CallingOffTests {
    @Test("from the decision on everything reads as cancelled, and everything is refused; the rows follow")
    func decision() async throws {
        try await GateWorld.run(tickets: 4) { gate in
            let (world, event) = (gate.world, gate.event)
            let holder = gate.tickets[0]
            _ = try await world.cancel(gate.tickets[3].registrationID, of: event)
            let before = try await world.counted(event).counters
            try await world.callOff(event)
            let entries = try await count("outbox", world)

            for ticket in gate.tickets {
                let read = try #require(try await world.registrations.find(ticket.registrationID))
                #expect(read.registration.status == .cancelled && read.registration.cancelledAt != nil)
                #expect(read.ticket?.status == .revoked && read.ticket?.revokedAt != nil)
                #expect(try await world.tickets.find(ticket.id)?.ticket.status == .revoked)
                let own = try await world.registrations.list(of: ticket.userID, event: nil, after: nil, limit: 10)
                #expect(own.items.map(\.registration.status) == [.cancelled])
            }
            for (status, count) in [(RegistrationStatus.confirmed, 0), (.waitlisted, 0), (.cancelled, 4)] {
                let page = try await world.registrations.attendees(
                    of: event, query: nil, status: status, after: nil, limit: 10)
                #expect(page.items.count == count, "\(status)")
            }
            let shown = try #require(try await world.events.find(event))
            #expect(shown.places.confirmed == 0 && shown.places.revision == before.revision + 1)
            #expect(shown.cancellationProgress == StepProgress(done: 0, total: 3))
            let stats = try #require(try await StatsStore(world.database).stats(of: event))
            #expect(stats.places == shown.places && stats.cancelled == 4)
            let manifests = ManifestStore(world.database)
            let listed = try await manifests.tickets(of: event, after: nil, limit: 10)
            #expect(listed.map(\.state) == Array(repeating: .revoked, count: 4))

            #expect(try await gate.check(holder, Self.scan("1")).result == .eventCancelled)
            let newcomer = try await world.person("Newcomer")
            await #expect(throws: DomainError.eventCancelled) { try await world.register(newcomer, for: event) }
            await #expect(throws: DomainError.eventCancelled) {
                try await world.database.transaction { transaction in
                    _ = try await TransferStore(world.database).offer(
                        holder.id, to: "b@example.com", now: Date(), on: transaction)
                }
            }
            // Done already: nothing changes, nothing is told.
            #expect(try await world.cancel(holder.registrationID, of: event).status == .cancelled)
            #expect(try await count("outbox", world) == entries)

            #expect(try await valid(world) == 3)
            #expect(try await gate.violations() == [])
            #expect(try await report(world).scope.pendingSteps == 1)
            let state = try #require(try await manifests.state(of: event, since: nil))
            _ = try await world.takeSteps(limit: 2)
            #expect(try await valid(world) == 0)
            #expect(try await gate.violations() == [])
            #expect(try await report(world).scope.pendingSteps == 0)
            #expect(try await world.events.find(event)?.cancellationProgress == nil)
            // Gates have nothing to fetch because of the steps.
            let after = try #require(try await manifests.state(of: event, since: state.snapshot))
            #expect(!after.hasChanged && after.eventVersion == state.eventVersion)
            #expect(try await count("outbox", world) == entries)
        }
    }

    @Test("control: with nothing left to be done, tickets that are still valid are a violation")
    func verifyWithoutSteps() async throws {
        try await GateWorld.run(tickets: 1) { gate in
            try await gate.world.callOff(gate.event)
            #expect(try await gate.violations() == [])
            try await gate.world.owner.execute("DELETE FROM pending_steps")
            #expect(try await gate.violations() == ["ticket-without-place"])
        }
    }

    @Test("steps that nobody takes are found to be stuck")
    func overdue() async throws {
        try await GateWorld.run(tickets: 1) { gate in
            try await gate.world.callOff(gate.event)
            try await gate.world.owner.execute("UPDATE pending_steps SET advanced_at = now() - interval '1 hour'")
            let finding = try #require(try await report(gate.world).findings.first { $0.invariant == .stepsOverdue })
            #expect(finding.examples.map(\.eventID) == [gate.event])
            #expect(finding.examples.first?.detail == "event.cancellation, 0 of 1")
        }
    }

    @Test("a step is as large as its time allows")
    func size() {
        var size = PendingStepStore.Size()
        for _ in 0..<9 { size.adapt(to: .milliseconds(1)) }
        #expect(size.rows == PendingStepStore.Size.range.upperBound)
        size.adapt(to: PendingStepStore.Size.goal * 2)
        #expect(size.rows == PendingStepStore.Size.range.upperBound / 2)
        for _ in 0..<9 { size.adapt(to: .seconds(2)) }
        #expect(size.rows == PendingStepStore.Size.range.lowerBound)
        size.adapt(to: .zero)
        #expect(size.rows == PendingStepStore.Size.range.lowerBound * 2)
    }

    @Test("each step passes so many registrations, and says how far it has come")
    func progress() async throws {
        try await GateWorld.run(tickets: 7) { gate in
            try await gate.world.callOff(gate.event)
            var seen: [Int?] = []
            let store = PendingStepStore(gate.world.database)
            while let work = try await store.list().first {
                seen.append(try await gate.world.events.find(gate.event)?.cancellationProgress?.done)
                _ = try await store.advance(work, limit: 3, now: Date())
            }
            #expect(seen == [0, 3, 6])
            #expect(try await valid(gate.world) == 0)
        }
    }

    @Test("whoever dies in a step leaves it to the next one, which begins where the last commit was")
    func killed() async throws {
        try await GateWorld.run(tickets: 6) { gate in
            let world = gate.world
            try await world.callOff(gate.event)
            let store = PendingStepStore(world.database)
            let work = try #require(try await store.list().first)
            #expect(try await store.advance(work, limit: 2, now: Date()).outcome == .more)
            // The next one gets as far as a registration that somebody holds, and its connection is killed there.
            try await world.owner.transaction { transaction in
                _ = try await transaction.query("SELECT 1 FROM registrations FOR UPDATE")
                await withTaskGroup(of: Void.self) { group in
                    group.addTask {
                        await #expect(throws: (any Error).self) {
                            _ = try await store.advance(work, limit: 2, now: Date())
                        }
                    }
                    group.addTask {
                        // Another one meanwhile leaves it alone.
                        await #expect(throws: Never.self) {
                            try await untilSomebodyWaits(world)
                            #expect(try await store.advance(work, limit: 2, now: Date()).outcome == .busy)
                            _ = try await world.database.read(
                                """
                                SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                                WHERE datname = current_database() AND wait_event_type = 'Lock'
                                """)
                        }
                    }
                }
            }
            #expect(try await world.events.find(gate.event)?.cancellationProgress == StepProgress(done: 2, total: 6))
            #expect(try await valid(world) == 4)
            #expect(try await gate.violations() == [])
            #expect(try await world.takeSteps(limit: 2) == 3)
            #expect(try await valid(world) == 0)
            #expect(try await gate.violations() == [])
        }
    }

    @Test("a ticket that was under way when the event was called off is revoked, too")
    func ticketUnderWay() async throws {
        try await TestWorld.run { (world: TestWorld) async throws in
            #expect(try await validAfterIssueUnderWay(world, .all) == 0)
            #expect(try await violations(world) == [])
        }
    }

    @Test("control: without the hold on the registrations it stays valid")
    func ticketUnderWayWithoutGuard() async throws {
        try await TestWorld.run { (world: TestWorld) async throws in
            #expect(try await validAfterIssueUnderWay(world, CapacityRow.Guards.all.subtracting(.holders)) == 1)
            #expect(try await violations(world) == ["ticket-without-place"])
        }
    }

    /// Calls an event off, and takes the steps, between the look of somebody who issues a ticket and their commit.
    private func validAfterIssueUnderWay(_ world: TestWorld, _ guards: CapacityRow.Guards) async throws -> Int {
        let event = try await world.event(of: try await world.person(role: .organizer), capacity: 5)
        let registration = try await world.register(try await world.person("Ada"), for: event)
        let store = PendingStepStore(world.database, guards: guards)
        try await withThrowingTaskGroup(of: Void.self) { group in
            try await world.database.transaction { transaction in
                let ids = [registration.id]
                _ = try await world.tickets.hold(ids, waiting: true, on: transaction)
                #expect(try await world.tickets.occasions(for: ids, on: transaction).count == 1)
                try await world.callOff(event)
                group.addTask {
                    while let work = try await store.list().first {
                        _ = try await store.advance(work, limit: 9, now: Date())
                    }
                }
                try await untilSomebodyWaits(world, or: "SELECT 1 WHERE NOT EXISTS (SELECT FROM pending_steps)")
                let ticket = Ticket(
                    id: TicketID(), eventID: event, registrationID: registration.id, userID: registration.userID,
                    code: "7K3M-Q9XT-2VHD", qrText: "EM1:", status: .valid, issuedAt: Date(), revokedAt: nil,
                    checkedInAt: nil)
                _ = try await world.tickets.insert(
                    [.init(ticket, number: 1, owner: registration.userID)], on: transaction)
            }
            try await group.waitForAll()
        }
        return try await valid(world)
    }

    @Test("people who leave, register and are scanned while an event is called off end in one state")
    func crowd() async throws {
        try await GateWorld.run(tickets: 30) { gate in
            let (world, event) = (gate.world, gate.event)
            var newcomers: [User] = []
            for number in 0..<10 { newcomers.append(try await world.person("Newcomer \(number)")) }
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    try await world.callOff(event)
                    try await world.takeSteps(limit: 4)
                }
                for ticket in gate.tickets.prefix(10) {
                    group.addTask { _ = try await world.cancel(ticket.registrationID, of: event) }
                }
                for newcomer in newcomers {
                    group.addTask {
                        do throws(any Error) {
                            _ = try await world.register(newcomer, for: event)
                        } catch DomainError.full, DomainError.eventCancelled {
                        }
                    }
                }
                for (number, ticket) in gate.tickets.dropFirst(10).prefix(10).enumerated() {
                    group.addTask {
                        let result = try await gate.check(ticket, Self.scan("\(number)")).result
                        #expect([.admitted, .eventCancelled].contains(result))
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await valid(world) == 0)
            #expect(try await gate.violations() == [])
            let page = try await world.registrations.attendees(
                of: event, query: nil, status: .confirmed, after: nil, limit: 100)
            #expect(page.items.isEmpty)
            // Who left before the decision was told so; who came after it was told nothing.
            let counted = try await world.counted(event)
            #expect(counted.confirmedRows == counted.counters.confirmed)
            let told = try await gate.messages(.registrationCancelled)
            #expect(try await count("registrations WHERE status = 'cancelled'", world) == told)
        }
    }

    @Test("a scan from before the event was called off was good, whenever it is heard of")
    func offline() async throws {
        try await GateWorld.run(tickets: 2) { gate in
            let now = Date()
            try await gate.world.callOff(gate.event, now: now)
            for isStepped in [false, true] {
                if isStepped { try await gate.world.takeSteps() }
                for (offset, expected) in [(-60.0, CheckInResult.admitted), (60, .eventCancelled)] {
                    let scan = Scan(
                        gate: nil, device: "d", scanID: "\(isStepped) \(offset)", at: now.addingTimeInterval(offset))
                    let ticket = gate.tickets[isStepped ? 1 : 0]
                    let outcomes = try await gate.world.database.transaction { transaction in
                        try await gate.store.merge(
                            [OfflineScan(.ticket(ticket.id), scan: scan, letIn: true)], at: gate.event,
                            by: gate.owner.id, now: now + 120, on: transaction)
                    }
                    #expect(outcomes.map(\.result) == [expected])
                }
            }
        }
    }

    private static func scan(_ id: String) -> Scan { Scan(gate: "North", device: "d", scanID: id, at: Date()) }
}

@Suite("A capacity is raised in steps")
struct RaisingTests {
    @Test("the capacity rises by those who are promoted; whoever comes meanwhile waits behind the line")
    func newcomers() async throws {
        try await TestWorld.run { world in
            let (event, line) = try await crowded(world, waiting: 10)
            try await raise(event, to: 8, limit: 3, world)
            try await expect(capacity: 4, target: 8, confirmed: line.prefix(3), of: line, in: event, world)
            let newcomer = try await world.register(try await world.person("Newcomer"), for: event)
            #expect(newcomer.status == .waitlisted && newcomer.position == 8)
            let store = PendingStepStore(world.database)
            let work = try #require(try await store.list().first)
            #expect(try await store.advance(work, limit: 3, now: Date()).outcome == .more)
            try await expect(capacity: 7, target: 8, confirmed: line.prefix(6), of: line, in: event, world)
            #expect(try await store.advance(work, limit: 3, now: Date()).outcome == .done)
            try await expect(capacity: 8, target: nil, confirmed: line.prefix(7), of: line, in: event, world)
            #expect(try await world.registrations.find(newcomer.id)?.registration.position == 4)
            #expect(try await store.list().isEmpty)
            #expect(try await count("outbox WHERE type = 'em.registration.promoted'", world) == 7)
        }
    }

    @Test("newcomers who come at the same time as the steps pass nobody")
    func race() async throws {
        try await TestWorld.run { world in
            let (event, line) = try await crowded(world, waiting: 40)
            var newcomers: [User] = []
            for number in 0..<20 { newcomers.append(try await world.person("Newcomer \(number)")) }
            try await raise(event, to: 46, limit: 2, world)
            let came = try await withThrowingTaskGroup(of: Registration?.self) { group in
                group.addTask {
                    try await world.takeSteps(limit: 2)
                    return nil
                }
                for newcomer in newcomers {
                    group.addTask { try await world.register(newcomer, for: event) }
                }
                return try await group.reduce(into: []) { came, one in if let one { came.append(one) } }
            }
            #expect(came.count == 20)
            #expect(try await statuses(line, world) == Array(repeating: .confirmed, count: 40))
            #expect(try await violations(world) == [])
            let counted = try await world.counted(event)
            #expect(counted.counters.capacity == 46 && counted.counters.confirmed == 46)
            #expect(counted.counters.waitlisted == 15)
        }
    }

    @Test("a later edit replaces the target, up or down, at once")
    func replaced() async throws {
        try await TestWorld.run { world in
            let (event, line) = try await crowded(world, waiting: 12)
            try await raise(event, to: 12, limit: 2, world)
            try await expect(capacity: 3, target: 12, confirmed: line.prefix(2), of: line, in: event, world)
            try await raise(event, to: 6, limit: 2, world)
            try await expect(capacity: 5, target: 6, confirmed: line.prefix(4), of: line, in: event, world)
            await #expect(throws: DomainError.capacityBelowConfirmed(confirmed: 5)) {
                try await raise(event, to: 4, limit: 2, world)
            }
            try await raise(event, to: 5, limit: 2, world)
            try await expect(capacity: 5, target: nil, confirmed: line.prefix(4), of: line, in: event, world)
            #expect(try await world.takeSteps(limit: 2) == 1)
            try await expect(capacity: 5, target: nil, confirmed: line.prefix(4), of: line, in: event, world)
            try await raise(event, to: 9, limit: 2, world)
            try await world.takeSteps(limit: 2)
            try await expect(capacity: 9, target: nil, confirmed: line.prefix(8), of: line, in: event, world)
        }
    }

    @Test("who leaves meanwhile makes room for the next in line; an empty line leaves the rest of the places free")
    func leaving() async throws {
        try await TestWorld.run { world in
            let (event, line) = try await crowded(world, waiting: 6)
            try await raise(event, to: 20, limit: 2, world)
            _ = try await world.cancel(line[0].id, of: event)
            try await expect(capacity: 3, target: 20, confirmed: line[1..<3], of: line, in: event, world)
            for waiting in line[3...] { _ = try await world.cancel(waiting.id, of: event) }
            // Nobody waits any more: the next who comes needs no step.
            let newcomer = try await world.register(try await world.person("Newcomer"), for: event)
            #expect(newcomer.status == .confirmed)
            #expect(try await world.counted(event).counters.capacity == 20)
            #expect(try await world.takeSteps(limit: 2) == 1)
            #expect(try await violations(world) == [])
        }
    }

    @Test("places that became free while nobody might move up are given out in steps once they may")
    func reopened() async throws {
        try await TestWorld.run { world in
            let (event, line) = try await crowded(world, capacity: 6, waiting: 8)
            let holders = try await world.registrations.attendees(
                of: event, query: nil, status: .confirmed, after: nil, limit: 10
            ).items.map(\.registration)
            func close(_ isClosed: Bool) async throws {
                try await world.owner.execute(
                    """
                    UPDATE events SET promote_after_close = false,
                        registration_closes_at = \(isClosed ? Date() - 60 : nil) WHERE id = \(event)
                    """)
            }
            try await close(true)
            for holder in holders.prefix(5) { _ = try await world.cancel(holder.id, of: event) }
            #expect(
                try await world.counted(event).counters
                    == Places(revision: 19, confirmed: 1, waitlisted: 8, capacity: 6))
            try await close(false)
            try await raise(event, to: 6, limit: 2, world)
            try await expect(capacity: 3, target: 6, confirmed: line.prefix(2), of: line, in: event, world)
            try await world.takeSteps(limit: 2)
            try await expect(capacity: 6, target: nil, confirmed: line.prefix(5), of: line, in: event, world)
        }
    }

    @Test("an event that is called off on the way stays at that, and nobody is promoted any more")
    func calledOff() async throws {
        try await TestWorld.run { world in
            let (event, line) = try await crowded(world, waiting: 6)
            try await raise(event, to: 20, limit: 2, world)
            try await world.callOff(event)
            let promoted = try await count("outbox WHERE type = 'em.registration.promoted'", world)
            try await world.takeSteps(limit: 2)
            #expect(try await count("outbox WHERE type = 'em.registration.promoted'", world) == promoted)
            #expect(try await statuses(line, world) == Array(repeating: .cancelled, count: 6))
            let shown = try #require(try await world.events.find(event))
            #expect(shown.capacityTarget == nil && shown.places.capacity == 20)
            #expect(try await violations(world) == [])
        }
    }

    private func crowded(
        _ world: TestWorld, capacity: Int = 1, waiting: Int
    ) async throws -> (event: EventID, line: [Registration]) {
        let event = try await world.event(
            of: try await world.person(role: .organizer), capacity: capacity, waitlist: true)
        for number in 0..<capacity {
            _ = try await world.register(try await world.person("Holder \(number)"), for: event)
        }
        var line: [Registration] = []
        for number in 0..<waiting {
            line.append(try await world.register(try await world.person("Waiting \(number)"), for: event))
        }
        return (event, line)
    }

    private func raise(_ event: EventID, to capacity: Int, limit: Int, _ world: TestWorld) async throws {
        try await world.database.transaction { transaction in
            try await world.registrations.setCapacity(
                capacity, of: event, limit: limit, now: Date(), on: transaction)
        }
    }

    private func expect(
        capacity: Int, target: Int?, confirmed: ArraySlice<Registration>, of line: [Registration], in event: EventID,
        _ world: TestWorld, at location: SourceLocation = #_sourceLocation
    ) async throws {
        let shown = try #require(try await world.events.find(event), sourceLocation: location)
        #expect(shown.places.capacity == capacity, sourceLocation: location)
        #expect(shown.capacityTarget == target, sourceLocation: location)
        #expect(shown.details.capacity == target ?? capacity, sourceLocation: location)
        let moved = try await statuses(line, world).enumerated().filter { $0.element == .confirmed }.map(\.offset)
        #expect(moved == Array(confirmed.indices), sourceLocation: location)
        #expect(try await violations(world) == [], sourceLocation: location)
    }

    private func statuses(_ registrations: [Registration], _ world: TestWorld) async throws -> [RegistrationStatus?] {
        var statuses: [RegistrationStatus?] = []
        for registration in registrations {
            statuses.append(try await world.registrations.find(registration.id)?.registration.status)
        }
        return statuses
    }
}

private func count(_ rows: StaticString, _ world: TestWorld) async throws -> Int {
    try await world.database.read("SELECT count(*) AS count FROM \(fragment: SQL(stringLiteral: rows))")
        .first?.decode("count") ?? 0
}

/// Tickets whose rows say that they are good.
private func valid(_ world: TestWorld) async throws -> Int { try await count("tickets WHERE status = 'valid'", world) }

private func report(_ world: TestWorld) async throws -> InvariantReport {
    try await InvariantStore(world.database).check(stuckAfter: 600)
}

private func violations(_ world: TestWorld) async throws -> [String] {
    try await report(world).findings.filter { $0.invariant.severity == .violation }.map(\.invariant.rawValue)
}

/// Until a lock is waited for, or the other thing is so.
private func untilSomebodyWaits(_ world: TestWorld, or other: SQL = "SELECT 1 WHERE false") async throws {
    let deadline = ContinuousClock.now + .seconds(20)
    let waits: SQL = """
        SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
        UNION ALL (\(fragment: other))
        """
    while try await world.database.read(waits).isEmpty {
        try #require(.now < deadline, "nobody waits")
        try await Task.sleep(for: .milliseconds(5))
    }
}

@Suite("What was erased leaves in steps")
struct ErasureStepTests {
    @Test(
        "what somebody who was erased, or a webhook that was deleted, leaves by the thousand goes in steps; what is others' stays"
    )
    func leftovers() async throws {
        try await TestWorld.run { world in
            let (gone, stays) = (try await world.person("Gone"), try await world.person("Stays"))
            for user in [gone.id, stays.id] {
                try await world.owner.execute([
                    """
                    INSERT INTO notifications (id, user_id, cause_id, kind)
                    SELECT gen_random_uuid(), \(user), gen_random_uuid(), 'test' FROM generate_series(1, 25)
                    """,
                    """
                    INSERT INTO idempotency_keys (user_id, key, route, fingerprint, status, body)
                    SELECT \(user), 'key ' || n, 'test', sha256('x'::bytea), 201, '{}' FROM generate_series(1, 12) n
                    """,
                    """
                    WITH opened AS (
                        INSERT INTO sessions (id, user_id, expires_at)
                        SELECT gen_random_uuid(), \(user), now() + interval '1 day' FROM generate_series(1, 3) RETURNING id
                    )
                    INSERT INTO refresh_tokens (token_hash, session_id)
                    SELECT sha256((id::text || n)::bytea), id FROM opened, generate_series(1, 5) n
                    """,
                    """
                    WITH made AS (
                        INSERT INTO subscriptions (id, user_id, name, scope, types, delivery, url, created_at, ended_at)
                        VALUES (\(user), \(user), 'Webhook', 'own', '{*}', 'webhook', 'https://example.test/', now(),
                            CASE WHEN \(user) = \(gone.id) THEN now() END) RETURNING id
                    )
                    INSERT INTO webhook_deliveries (id, subscription_id, message_id, type, created_at, next_attempt_at)
                    SELECT gen_random_uuid(), id, gen_random_uuid(), 'test', now(), now() FROM made, generate_series(1, 25)
                    """,
                ])
            }
            func left(of user: User) async throws -> [Int] {
                let rows = try await world.owner.read(
                    """
                    SELECT (SELECT count(*) FROM notifications WHERE user_id = \(user.id)) AS notifications,
                        (SELECT count(*) FROM idempotency_keys WHERE user_id = \(user.id)) AS keys,
                        (SELECT count(*) FROM refresh_tokens t JOIN sessions s ON s.id = t.session_id
                            WHERE s.user_id = \(user.id)) AS tokens,
                        (SELECT count(*) FROM webhook_deliveries WHERE subscription_id = \(user.id)) AS deliveries
                    """)
                let row = try #require(rows.first)
                return try ["notifications", "keys", "tokens", "deliveries"].map { try row.decode($0) }
            }
            let store = PendingStepStore(world.database)
            for kind in [PendingStepStore.Work.Kind.accountErasure, .subscriptionRemoval] {
                try await world.database.execute(PendingStepStore.insertion(kind, of: gone.id.uuid))
                var outcomes: [PendingStepStore.Outcome] = []
                while let work = try await store.list().first {
                    outcomes.append(try await store.advance(work, limit: 10, now: Date()).outcome)
                }
                #expect(outcomes == [.more, .more, .done], "\(kind)")
            }
            #expect(try await left(of: gone) == [0, 0, 0, 0])
            #expect(try await left(of: stays) == [25, 12, 15, 25])
        }
    }
}
