@testable import api_service
import Domain
import FoundationEssentials
import Redis
import Testing

@Suite("The throttle and Redis")
struct ThrottleRedisTests {
    private static let start = Date(timeIntervalSince1970: 1_800_000_000)

    private func connected(_ server: PrivateRedis) async throws -> RedisClient {
        let client = RedisClient(try server.address, logger: redisLogger)
        try await eventually("connected") { client.isConnected }
        return client
    }

    @Test("instances count together, in keys that name nobody and go away")
    func together() async throws {
        let server = try await PrivateRedis()
        let (one, other) = (try await connected(server), try await connected(server))
        let here = Throttle(redis: one) { Self.start }
        let there = Throttle(redis: other) { Self.start }
        for _ in 0..<2 {
            _ = await here.fail(.signIn, "ada@example.com")
            _ = await there.fail(.signIn, "ada@example.com")
        }
        #expect(await here.fail(.signIn, "ada@example.com").retryAfter == 1)
        #expect(await there.state(.signIn, "ada@example.com").retryAfter == 1)
        guard case .array(let keys) = try await one.command(["KEYS", "*"]), let key = keys.first?.string else {
            Issue.record("no key")
            return
        }
        #expect(keys.count == 1 && key.hasPrefix("em:throttle:sign-in:") && !key.contains("ada"))
        #expect(try #require(try await one.command(["PTTL", key]).integer) > 0)
        // Pardoned at one of them: the other hears of it, though it remembers the pause itself.
        await here.clear(.signIn, "ada@example.com")
        #expect(await there.state(.signIn, "ada@example.com").remaining == 5)
        #expect(await there.state(.signIn, "ada@example.com").wait == 0)
        await one.close()
        await other.close()
    }

    @Test("without Redis each instance goes on counting, from where it was; an empty Redis afterwards forgives nothing")
    func away() async throws {
        let server = try await PrivateRedis()
        let client = try await connected(server)
        let throttle = Throttle(redis: client) { Self.start }
        for _ in 0..<4 { _ = await throttle.fail(.signIn, "ada") }
        server.kill()
        try await eventually("Redis is away") { !client.isConnected }
        #expect(await throttle.state(.signIn, "ada").remaining == 1)
        #expect(await throttle.fail(.signIn, "ada").retryAfter == 1)
        #expect(await throttle.state(.signIn, "ada").retryAfter == 1)
        for _ in 0..<5 { _ = await throttle.fail(.signIn, "bob") }
        #expect(await throttle.state(.signIn, "bob").retryAfter == 1)
        try await server.start()
        try await eventually("Redis is back") { client.isConnected }
        #expect(await throttle.state(.signIn, "ada").retryAfter == 1)
        #expect(await throttle.state(.signIn, "eve").remaining == 5)
        await client.close()
    }

    @Test("an API key has one bucket for all instances")
    func keys() async throws {
        let server = try await PrivateRedis()
        let (one, other) = (try await connected(server), try await connected(server))
        let (here, there) = (KeyLimiter(redis: one), KeyLimiter(redis: other))
        let (key, another) = (APIKeyID(), APIKeyID())
        // The control: each for itself, they would have admitted all of them.
        let (alone, beside) = (KeyLimiter(), KeyLimiter())
        var admitted = 0
        let began = Date()
        for _ in 0..<Int(KeyLimiter.burst) * 3 / 4 {
            for limiter in [here, there] where await limiter.take(key, now: Self.start).wait == 0 { admitted += 1 }
            for limiter in [alone, beside] { #expect(await limiter.take(key, now: Self.start).wait == 0) }
        }
        let refilled = Date().timeIntervalSince(began) * KeyLimiter.rate
        #expect(admitted >= 200 && Double(admitted) <= 200 + refilled + 1)
        let refused = await here.take(key, now: Self.start)
        #expect(refused.remaining <= Int(refilled) && refused.wait <= 0.05)
        #expect(await there.take(another, now: Self.start) == KeyLimiter.Allowance(remaining: 199, wait: 0))
        guard case .array(let names) = try await one.command(["KEYS", "*"]) else { return }
        #expect(names.count == 2)
        for name in names {
            let life = try #require(try await one.command(["PTTL", name.string ?? ""]).integer)
            #expect((1...10_000).contains(life))
        }
        await one.close()
        await other.close()
    }

    @Test("while Redis is away a key goes on from where it was, by each instance's own count")
    func keysAlone() async throws {
        let server = try await PrivateRedis()
        let client = try await connected(server)
        let limiter = KeyLimiter(redis: client)
        let key = APIKeyID()
        var state = KeyLimiter.Allowance(remaining: 200, wait: 0)
        for _ in 0..<150 { state = await limiter.take(key, now: Self.start) }
        #expect((50...199).contains(state.remaining))
        server.kill()
        try await eventually("Redis is away") { !client.isConnected }
        #expect(await limiter.take(key, now: Self.start).remaining == state.remaining - 1)
        for _ in 0..<state.remaining { state = await limiter.take(key, now: Self.start) }
        #expect(state.wait > 0)
        try await server.start()
        try await eventually("Redis is back") { client.isConnected }
        #expect(await limiter.take(key, now: Self.start).wait == 0)
        await client.close()
    }
}
