import CoreMetrics
import Domain
import FoundationEssentials
import Persistence
import Postgres
import TestSupport
import Testing

@testable import api_service

@Suite("The admission desk", .serialized)
struct RegistrationBatcherTests {
    @Test("a crowd at one event is answered one by one and committed together")
    func crowd() async throws {
        try await TestWorld.run { world in
            let event = try await world.event(
                of: try await world.person(role: .organizer), capacity: 30, waitlist: true)
            let people = try await world.people(200)
            let outcomes = try await serving(world) { batcher in
                await answers(people.map { .register($0, for: event) }, batcher)
            }
            #expect(outcomes.filter { $0.status == .confirmed }.count == 30)
            #expect(outcomes.filter { $0.status == .waitlisted }.count == 170)
            #expect(Set(outcomes.compactMap(\.position)) == Set(1...170))
            let counted = try await world.counted(event)
            #expect(counted.confirmedRows == 30 && counted.counters.confirmed == 30)
            let batches = try await world.commits(of: event)
            #expect(batches < 100, "\(batches) commits")
        }
    }

    @Test("one request that the database refuses fails no other")
    func oneBadRow() async throws {
        try await TestWorld.run { world in
            let event = try await world.event(of: try await world.person(role: .organizer), capacity: 30)
            var people = try await world.people(20)
            // An account that was erased while its token is still good.
            people.insert(UserID(), at: 7)
            let outcomes = try await serving(world) { batcher in
                await answers(people.map { .register($0, for: event) }, batcher)
            }
            #expect(outcomes.filter { $0.status == .confirmed }.count == 20)
            #expect(outcomes.compactMap(\.refusal) == [.notAuthenticated])
            #expect(try await world.counted(event).counters.confirmed == 20)
        }
    }

    @Test("each caller hears of their own refusal")
    func ownRefusals() async throws {
        try await TestWorld.run { world in
            let owner = try await world.person(role: .organizer)
            let event = try await world.event(of: owner, capacity: 1)
            let people = try await world.people(2)
            _ = try await world.submit(.register(people[0], for: event))
            let outcomes = try await serving(world) { batcher in
                await answers(
                    [
                        .register(people[0], for: event), .register(people[1], for: event),
                        .register(people[1], for: EventID()), .cancel(RegistrationID(), of: event),
                    ], batcher)
            }
            #expect(outcomes.map(\.refusal) == [.alreadyRegistered, .full, .notFound, .notFound])
        }
    }

    @Test("an event that somebody holds locked keeps its own people waiting, and nobody else")
    func slowEvent() async throws {
        try await TestWorld.run { world in
            let owner = try await world.person(role: .organizer)
            let (slow, quick) = (
                try await world.event(of: owner, capacity: 50), try await world.event(of: owner, capacity: 50)
            )
            let people = try await world.people(20)
            let (locked, didLock) = AsyncStream.makeStream(of: Void.self)
            let (released, release) = AsyncStream.makeStream(of: Void.self)
            try await serving(world) { batcher in
                async let holding: Void = world.database.transaction { transaction in
                    try await world.registrations.lockPlaces(of: slow, on: transaction)
                    didLock.yield()
                    for await _ in released { break }
                }
                for await _ in locked { break }
                async let waiting = answers(people.map { .register($0, for: slow) }, batcher)
                // They come back while the lock is held.
                let prompt = await answers(people.map { .register($0, for: quick) }, batcher)
                #expect(prompt.allSatisfy { $0.status == .confirmed })
                let meanwhile = try await world.counted(slow)
                #expect(meanwhile.confirmedRows == 0)
                release.yield()
                try await holding
                #expect(await waiting.allSatisfy { $0.status == .confirmed })
            }
            #expect(try await world.counted(slow).confirmedRows == 20)
        }
    }

    @Test("past the bound of the queue a request is refused at once, with nothing done")
    func overloaded() async throws {
        try await TestWorld.run { world in
            let event = try await world.event(of: try await world.person(role: .organizer), capacity: 100)
            let people = try await world.people(40)
            var limits = RegistrationQueue.Limits()
            limits.perEvent = 10
            try await serving(world, limits) { batcher in
                let outcomes = await answers(people.map { .register($0, for: event) }, batcher)
                let confirmed = outcomes.filter { $0.status == .confirmed }.count
                let refused = outcomes.filter { $0.error is RegistrationBatcher.Overloaded }.count
                #expect(confirmed + refused == 40)
                #expect(refused > 0)
                let counted = try await world.counted(event)
                #expect(counted.confirmedRows == confirmed)
            }
        }
    }

    /// The first is the end of a transaction (BEGIN names its isolation level READ COMMITTED), the second its middle.
    @Test(
        "when the connection is lost before or during the commit, the desk finds out: nobody has two places or none",
        arguments: ["COMMIT", "INSERT INTO registrations"])
    func lostConnection(cutBehind marker: String) async throws {
        try await TestWorld.run { world in
            let event = try await world.event(of: try await world.person(role: .organizer), capacity: 100)
            let people = try await world.people(40)
            let (proxy, database) = try world.proxied()
            defer { proxy.stop() }
            _ = try await database.execute("SELECT 1")
            try await serving(world, on: database) { batcher in
                // With the end of the text: BEGIN names READ COMMITTED.
                proxy.cutAnswer(to: marker == "COMMIT" ? "COMMIT\0" : marker)
                let outcomes = await answers(people.map { .register($0, for: event) }, batcher)
                #expect(outcomes.allSatisfy { $0.status == .confirmed }, "\(outcomes.compactMap(\.error))")
            }
            let counted = try await world.counted(event)
            #expect(counted.confirmedRows == 40 && counted.counters.confirmed == 40)
            await database.close()
        }
    }

    @Test("a request with the name of one that was served gets that one's answer; a twin in flight is told so")
    func idempotency() async throws {
        try await TestWorld.run { world in
            let event = try await world.event(of: try await world.person(role: .organizer), capacity: 100)
            let user = try await world.people(1)[0]
            let requests = (0..<8).map { _ in request(for: user, in: event) }
            try await serving(world) { batcher in
                let first = await answers(requests, batcher)
                // Whoever came into the same batch was told that it is in flight; later ones got the answer.
                #expect(first.filter { $0.status == .confirmed }.count == 1)
                #expect(
                    first.allSatisfy { $0.status == .confirmed || $0.replay != nil || $0.refusal == .requestInFlight })
                let again = await answers([request(for: user, in: event)], batcher)
                #expect(again[0].replay == "first")
            }
            #expect(try await world.counted(event).confirmedRows == 1)
        }
    }

    /// The key is part of the effect's transaction: were it written after the commit, the place would be added here.
    @Test("when the key can't be kept, the place isn't taken either")
    func keyAndEffect() async throws {
        try await TestWorld.run { world in
            let event = try await world.event(of: try await world.person(role: .organizer), capacity: 100)
            let user = try await world.people(1)[0]
            try await world.refuse("INSERT ON idempotency_keys", when: "true")
            try await serving(world) { batcher in
                let outcomes = await answers([request(for: user, in: event)], batcher)
                #expect(outcomes[0].status == nil && outcomes[0].replay == nil)
            }
            #expect(try await world.counted(event).confirmedRows == 0)
        }
    }

    /// Moving up is part of the transaction that frees the place: were it done after, the place would be free here.
    @Test("when the first in line can't move up, nobody leaves either")
    func promotionAndCancellation() async throws {
        try await TestWorld.run { world in
            let event = try await world.event(of: try await world.person(role: .organizer), capacity: 1, waitlist: true)
            let people = try await world.people(2)
            let holder = try await world.submit(.register(people[0], for: event))
            _ = try await world.submit(.register(people[1], for: event))
            try await world.refuse(
                "UPDATE ON registrations", when: "OLD.status = 'waitlisted' AND NEW.status = 'confirmed'")
            try await serving(world) { batcher in
                let outcomes = await answers([.cancel(holder.id, of: event)], batcher)
                #expect(outcomes[0].status == nil)
            }
            let model = try await world.model(of: event)
            #expect(model.confirmed == [people[0]] && model.line == [people[1]])
            #expect(try await world.counted(event).counters.confirmed == 1)
        }
    }

    private func request(for user: UserID, in event: EventID) -> RegistrationRequest {
        let request = IdempotentRequest(
            key: .init(user: user, name: "name"), route: "test", fingerprint: Array(repeating: 1, count: 32))
        return .register(
            user, for: event,
            idempotency: .init(request) { _ in StoredResponse(status: 201, body: "first") })
    }
}

/// What became of one request.
private struct Outcome: Sendable {
    var registration: Registration?
    var replay: String?
    var error: (any Error)?

    var status: RegistrationStatus? { registration?.status }
    var position: Int? { registration?.position }
    var refusal: DomainError? { error as? DomainError }
}

/// Submits all at once; the answers in the order of the requests.
private func answers(_ requests: [RegistrationRequest], _ batcher: RegistrationBatcher) async -> [Outcome] {
    await withTaskGroup(of: (Int, Outcome).self) { group in
        for (index, request) in requests.enumerated() {
            group.addTask {
                do {
                    switch try await batcher.submit(request) {
                    case .done(let registration, _): return (index, Outcome(registration: registration))
                    case .replayed(let answered): return (index, Outcome(replay: answered.response.body))
                    case .refused, .busy: return (index, Outcome())
                    }
                } catch {
                    return (index, Outcome(error: error))
                }
            }
        }
        var outcomes = Array(repeating: Outcome(), count: requests.count)
        for await (index, outcome) in group { outcomes[index] = outcome }
        return outcomes
    }
}

/// Runs a batcher for as long as `body` takes.
private func serving<Result: Sendable>(
    _ world: TestWorld, _ limits: RegistrationQueue.Limits = .init(), on database: Database? = nil,
    _ body: (RegistrationBatcher) async throws -> Result
) async throws -> Result {
    let batcher = RegistrationBatcher(
        database: database ?? world.database, registrations: world.registrations, limits: limits,
        metrics: NOOPMetricsHandler.instance, clock: { Date() }, logger: world.logger)
    return try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await batcher.run() }
        defer { group.cancelAll() }
        return try await body(batcher)
    }
}

extension TestWorld {
    fileprivate func people(_ count: Int) async throws -> [UserID] {
        let ids = (0..<count).map { _ in UserID() }
        _ = try await owner.execute(
            """
            INSERT INTO users (id, email, display_name, password_hash)
            SELECT id, id || '@example.com', 'Guest', '-' FROM unnest(\(ids)::uuid[]) AS guest (id)
            """)
        return ids
    }

    /// How many transactions wrote the registrations of an event.
    fileprivate func commits(of event: EventID) async throws -> Int {
        try await owner.read(
            "SELECT count(DISTINCT xmin::text) AS count FROM registrations WHERE event_id = \(event)"
        ).first?.decode("count") ?? 0
    }

    /// The database behind a proxy.
    fileprivate func proxied() throws -> (TCPProxy, Database) {
        guard let colon = databaseURL.lastIndex(of: ":"), let slash = databaseURL.lastIndex(of: "/"),
            let port = UInt16(databaseURL[databaseURL.index(after: colon)..<slash])
        else { throw DomainError.notFound }
        let proxy = try TCPProxy(to: port)
        let url = databaseURL[...colon] + "\(proxy.port)" + databaseURL[slash...]
        return (proxy, Database(try DatabaseSettings(url: String(url)), logger: logger))
    }

    /// Has the database refuse something from now on. Both texts are literals of the tests.
    fileprivate func refuse(_ what: StaticString, when condition: StaticString) async throws {
        let script = """
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'refused'; END $$;
            CREATE TRIGGER refuses BEFORE \(what) FOR EACH ROW WHEN (\(condition)) EXECUTE FUNCTION refuse();
            """
        try await owner.session { try await $0.runScript(Array(script.utf8)) }
    }
}
