@testable import api_service
import Bootstrap
import Domain
import FoundationEssentials
import Persistence
import Postgres
import Testing
import TestSupport

@Suite("Idempotency keys")
struct IdempotencyTests {
    private let store = IdempotencyStore()

    private func request(_ user: User, _ name: String, fingerprint: UInt8 = 1) -> IdempotentRequest {
        IdempotentRequest(
            key: .init(user: user.id, name: name), route: "POST /things",
            fingerprint: [UInt8](repeating: fingerprint, count: 32))
    }

    /// An effect that can be counted: a line in the audit.
    private func act(
        _ request: IdempotentRequest?, _ world: TestWorld, holding checkpoint: Checkpoint? = nil
    ) async throws -> Answered {
        try await world.database.transaction { transaction in
            try await store.once(request, on: transaction) {
                try await AuditStore().record("test.effect", by: nil, subject: nil, on: transaction)
                await checkpoint?.pass()
                return StoredResponse(status: 201, body: #"{"n":"ä"}"#, location: "/things/1", etag: "\"1\"")
            }
        }
    }

    private func effects(_ world: TestWorld) async throws -> Int {
        let rows = try await world.owner.read("SELECT count(*) AS n FROM audit WHERE action = 'test.effect'")
        return try #require(rows.first).decode("n")
    }

    @Test("the second time the first answer comes back, and another request under the key is refused")
    func replay() async throws {
        try await TestWorld.run { world in
            let ada = try await world.person("Ada")
            let first = try await act(request(ada, "k"), world)
            let second = try await act(request(ada, "k"), world)
            #expect(!first.isReplay)
            #expect(second == Answered(first.response, isReplay: true))
            await #expect(throws: DomainError.idempotencyKeyReused) {
                _ = try await act(request(ada, "k", fingerprint: 2), world)
            }
            #expect(try await effects(world) == 1)
            // Somebody else may call theirs the same, and without a key nothing is kept.
            #expect(try await !act(request(try await world.person("Bob"), "k"), world).isReplay)
            #expect(try await !act(nil, world).isReplay)
            #expect(try await effects(world) == 3)
        }
    }

    @Test("while the first is being worked on, the second hears so at once")
    func inFlight() async throws {
        try await TestWorld.run { world in
            let ada = try await world.person("Ada")
            let checkpoint = Checkpoint()
            async let first = act(request(ada, "k"), world, holding: checkpoint)
            await checkpoint.reached()
            await #expect(throws: DomainError.requestInFlight) { _ = try await act(request(ada, "k"), world) }
            #expect(try await !act(request(ada, "another"), world).isReplay)
            checkpoint.open()
            let answered = try await first
            #expect(!answered.isReplay)
            #expect(try await act(request(ada, "k"), world).isReplay)
        }
    }

    @Test("an effect whose answer can't be kept is not there either")
    func oneCommit() async throws {
        try await TestWorld.run { world in
            try await IdempotencyTests.breakKeeping(world)
            let ada = try await world.person("Ada")
            await #expect(throws: PostgresError.self) { _ = try await act(request(ada, "k"), world) }
            #expect(try await effects(world) == 0)
            // Control: kept behind the commit, the answer is lost and the effect is there.
            let answered = try await act(nil, world)
            await #expect(throws: PostgresError.self) {
                _ = try await world.database.execute(
                    IdempotencyStore.insertion([(request(ada, "k"), answered.response)]))
            }
            #expect(try await effects(world) == 1)
        }
    }

    @Test("many rows are kept and found in one statement each")
    func many() async throws {
        try await TestWorld.run { world in
            let (ada, bob) = (try await world.person("Ada"), try await world.person("Bob"))
            let rows = [
                (request(bob, "one"), StoredResponse(status: 201, body: "{}", location: "/a")),
                (request(ada, "two", fingerprint: 7), StoredResponse(status: 200, body: "[]", etag: "\"1\"")),
            ]
            try await world.database.execute(IdempotencyStore.insertion(rows))
            let found = try IdempotencyStore.answers(
                try await world.database.read(
                    IdempotencyStore.lookup(rows.map(\.0.key) + [.init(user: ada.id, name: "one")])))
            #expect(found.count == 2)
            for (request, response) in rows {
                #expect(try found[request.key]?.replay(for: request) == Answered(response, isReplay: true))
            }
            // The loser of a race loses everything with it.
            let error = await #expect(throws: PostgresError.self) {
                _ = try await world.database.execute(IdempotencyStore.insertion([rows[0]]))
            }
            #expect(error?.constraint == "idempotency_keys_once")
        }
    }

    @Test("keys are forgotten after 48 hours, by one process at a time, and go with their person")
    func pruning() async throws {
        try await TestWorld.run { world in
            let (ada, bob) = (try await world.person("Ada"), try await world.person("Bob"))
            for number in 0..<7 { _ = try await act(request(ada, "old \(number)"), world) }
            try await world.owner.execute("UPDATE idempotency_keys SET created_at = now() - interval '49 hours'")
            _ = try await act(request(ada, "new"), world)
            _ = try await act(request(bob, "bob's"), world)
            let pruning = PruningStore(world.database)
            let step: PruningStore.Step = { limit, transaction in try await store.prune(limit: limit, on: transaction) }
            try await world.owner.transaction { other in
                _ = try await other.query("SELECT pg_advisory_xact_lock(7314)")
                #expect(try await pruning.take(step, limit: 5) == nil)
            }
            #expect(try await pruning.take(step, limit: 5) == 5)
            let service = Pruning(
                store: pruning, rules: [.init("idempotency_keys", step)], metrics: PrometheusRegistry(),
                logger: world.logger)
            await service.round()
            let left = try await world.owner.read("SELECT key FROM idempotency_keys ORDER BY key")
            #expect(try left.map { try $0.decode("key", as: String.self) } == ["bob's", "new"])
            try await world.owner.execute("DELETE FROM users WHERE id = \(bob.id)")
            #expect(try await world.owner.read("SELECT 1 FROM idempotency_keys").count == 1)
        }
    }

    /// From now on no answer can be kept: whoever keeps it behind the commit has had the effect by then.
    static func breakKeeping(_ world: TestWorld) async throws {
        try await world.owner.session { session in
            try await session.runScript(
                Array(
                    """
                    CREATE FUNCTION refuse_keys() RETURNS trigger LANGUAGE plpgsql AS
                        $$ BEGIN RAISE EXCEPTION 'no room'; END $$;
                    CREATE TRIGGER refuse_keys BEFORE INSERT ON idempotency_keys
                        FOR EACH ROW EXECUTE FUNCTION refuse_keys();
                    """.utf8))
        }
    }
}

/// A place where one task waits until another lets it go on.
final class Checkpoint: Sendable {
    private let arrivals: (stream: AsyncStream<Void>, continuation: AsyncStream<Void>.Continuation)
    private let openings: (stream: AsyncStream<Void>, continuation: AsyncStream<Void>.Continuation)

    init() {
        arrivals = AsyncStream.makeStream()
        openings = AsyncStream.makeStream()
    }

    func pass() async {
        arrivals.continuation.yield()
        for await _ in openings.stream { return }
    }

    /// Returns once somebody waits.
    func reached() async {
        for await _ in arrivals.stream { return }
    }

    func open() { openings.continuation.yield() }
}
