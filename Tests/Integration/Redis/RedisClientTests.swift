import FoundationEssentials
import Logging
import Redis
import TestSupport
import Testing

let redisLogger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// The Redis that `make test` provides.
func givenRedis() throws -> RedisAddress { try RedisAddress(url: Servers.redis) }

@Suite("Redis commands")
struct RedisClientTests {
    @Test("a value comes back byte for byte, empty and binary ones too")
    func roundTrip() async throws {
        let client = RedisClient(try givenRedis(), logger: redisLogger)
        let key = Array("em:test:\(UUID())".utf8)
        for value in [[], Array("Grüße".utf8), (0...255).map { UInt8($0) }, [UInt8](repeating: 7, count: 1 << 20)] {
            #expect(
                try await client.command([Array("SET".utf8), key, value, Array("EX".utf8), Array("60".utf8)])
                    == .status("OK"))
            #expect(try await client.command([Array("GET".utf8), key]) == .bytes(value))
        }
        #expect(try await client.command([Array("DEL".utf8), key]) == .integer(1))
        #expect(try await client.command([Array("GET".utf8), key]) == .null)
        await client.close()
    }

    @Test("an error answer is thrown with its code alone, and the connection goes on")
    func serverError() async throws {
        let client = RedisClient(try givenRedis(), logger: redisLogger)
        let error = await #expect(throws: RedisError.self) { try await client.command(["NOSUCHCOMMAND", "secret"]) }
        #expect(error == RedisError(.server(code: "ERR")))
        #expect(try await client.command(["ECHO", "still here"]).string == "still here")
        await client.close()
    }

    @Test("100,000 pipelined commands get their own answers")
    func manyPipelined() async throws {
        var settings = RedisSettings()
        settings.maximumPending = 100_000
        settings.commandTimeout = .seconds(30)
        let client = RedisClient(try givenRedis(), settings: settings, logger: redisLogger)
        let wrong = try await withThrowingTaskGroup(of: Int.self) { group in
            for worker in 0..<1000 {
                group.addTask {
                    var wrong = 0
                    for index in 0..<100 {
                        let text = "\(worker):\(index)"
                        if try await client.command(["ECHO", text]).string != text { wrong += 1 }
                    }
                    return wrong
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(wrong == 0)
        await client.close()
    }

    @Test("beyond the bound a command is refused at once as overloaded")
    func bounded() async throws {
        let server = try await PrivateRedis()
        var settings = RedisSettings()
        settings.maximumPending = 10
        settings.commandTimeout = .milliseconds(500)
        let client = RedisClient(try server.address, settings: settings, logger: redisLogger)
        try await client.command(["PING"])
        server.stall()
        let outcomes = await withTaskGroup(of: RedisError?.self) { group in
            for _ in 0..<30 {
                group.addTask {
                    do throws(RedisError) {
                        try await client.command(["PING"])
                        return nil
                    } catch { return error }
                }
            }
            return await group.reduce(into: [RedisError?]()) { $0.append($1) }
        }
        #expect(outcomes.count { $0?.kind == .overloaded } == 20)
        #expect(outcomes.count { $0?.kind == .timedOut || $0?.kind == .connectionLost } == 10)
        server.resume()
        try await eventually("commands work again") { (try? await client.command(["PING"])) != nil }
        await client.close()
    }

    @Test("a server that never answers fails the command in time, with its outcome unknown; later it works again")
    func neverAnswers() async throws {
        let server = try await PrivateRedis()
        var settings = RedisSettings()
        settings.commandTimeout = .milliseconds(400)
        let client = RedisClient(try server.address, settings: settings, logger: redisLogger)
        try await client.command(["PING"])
        server.stall()
        let start = ContinuousClock.now
        let error = await #expect(throws: RedisError.self) { try await client.command(["INCR", "n"]) }
        #expect(error?.kind == .timedOut)
        #expect(error?.outcomeUnknown == true)
        #expect(ContinuousClock.now - start < .seconds(5))
        server.resume()
        try await eventually("commands work again") { (try? await client.command(["PING"])) != nil }
        await client.close()
    }

    @Test("a killed server fails what is under way, then commands fail at once, and work after its restart")
    func killedAndRestarted() async throws {
        let server = try await PrivateRedis(password: "p@ss word")
        let url = "redis://:p%40ss%20word@127.0.0.1:\(server.port)/2"
        let client = RedisClient(try RedisAddress(url: url), logger: redisLogger)
        #expect(try await client.command(["SET", "a", "1"]) == .status("OK"))
        let blocked = Task { try await client.command(["BLPOP", "never", "0"]) }
        try await eventually("the command is at the server") {
            try await RedisClient(RedisAddress(url: url), logger: redisLogger)
                .command(["INFO", "clients"]).string?.contains("blocked_clients:1") == true
        }
        server.kill()
        let error = await #expect(throws: RedisError.self) { try await blocked.value }
        #expect(error?.kind == .connectionLost)
        #expect(error?.isRetriable == true)
        try await eventually("commands fail fast") {
            let start = ContinuousClock.now
            _ = try? await client.command(["PING"])
            return ContinuousClock.now - start < .milliseconds(20)
        }
        try await server.start()
        try await eventually("commands work again") { (try? await client.command(["PING"])) != nil }
        await client.close()
    }

    @Test("a cancelled caller returns at once and leaves the others' answers in order")
    func cancellation() async throws {
        let client = RedisClient(try givenRedis(), logger: redisLogger)
        let key = "em:test:\(UUID())"
        let blocked = Task { try await client.command(["BLPOP", key, "1"]) }
        async let after = client.command(["ECHO", "after"])
        blocked.cancel()
        await #expect(throws: RedisError(.cancelled)) { try await blocked.value }
        #expect(try await after.string == "after")
        await client.close()
    }

    @Test("closing fails what waits, and everything after it")
    func closing() async throws {
        let client = RedisClient(try givenRedis(), logger: redisLogger)
        let blocked = Task { try await client.command(["BLPOP", "em:test:\(UUID())", "0"]) }
        try await eventually("connected") { client.isConnected }
        await client.close()
        await #expect(throws: RedisError(.closed)) { try await blocked.value }
        await #expect(throws: RedisError(.closed)) { try await client.command(["PING"]) }
    }

    @Test("a wrong password is told as refused")
    func wrongPassword() async throws {
        let server = try await PrivateRedis(password: "right")
        let client = RedisClient(
            try RedisAddress(url: "redis://:wrong@127.0.0.1:\(server.port)"), logger: redisLogger)
        let error = await #expect(throws: RedisError.self) { try await client.command(["PING"]) }
        #expect(error == RedisError(.refused(code: "WRONGPASS")))
        await client.close()
    }
}
