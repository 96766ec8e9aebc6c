@testable import api_service
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
        #expect(await there.standing(.signIn, "ada@example.com").retryAfter == 1)
        guard case .array(let keys) = try await one.command(["KEYS", "*"]), let key = keys.first?.string else {
            Issue.record("no key")
            return
        }
        #expect(keys.count == 1 && key.hasPrefix("em:throttle:sign-in:") && !key.contains("ada"))
        #expect(try #require(try await one.command(["PTTL", key]).integer) > 0)
        // Pardoned at one of them: the other hears of it, though it remembers the pause itself.
        await here.clear(.signIn, "ada@example.com")
        #expect(await there.standing(.signIn, "ada@example.com").remaining == 5)
        #expect(await there.standing(.signIn, "ada@example.com").wait == 0)
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
        #expect(await throttle.standing(.signIn, "ada").remaining == 1)
        #expect(await throttle.fail(.signIn, "ada").retryAfter == 1)
        #expect(await throttle.standing(.signIn, "ada").retryAfter == 1)
        for _ in 0..<5 { _ = await throttle.fail(.signIn, "bob") }
        #expect(await throttle.standing(.signIn, "bob").retryAfter == 1)
        try await server.start()
        try await eventually("Redis is back") { client.isConnected }
        #expect(await throttle.standing(.signIn, "ada").retryAfter == 1)
        #expect(await throttle.standing(.signIn, "eve").remaining == 5)
        await client.close()
    }
}
