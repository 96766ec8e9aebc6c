import FoundationEssentials
import Redis
import Testing

@Suite("Redis subscriptions")
struct RedisSubscriberTests {
    private func next(_ iterator: inout RedisSubscriber.Events.Iterator) async throws -> SubscriberEvent {
        try #require(await iterator.next())
    }

    @Test("what is published after the confirmation arrives, in order; after unsubscribing nothing does")
    func ordered() async throws {
        let subscriber = RedisSubscriber(try givenRedis(), logger: redisLogger)
        let client = RedisClient(try givenRedis(), logger: redisLogger)
        let (a, b) = ("em:test:\(UUID())", "em:test:\(UUID())")
        var events = subscriber.events.makeAsyncIterator()
        try await subscriber.subscribe(a)
        try await subscriber.subscribe(b)
        for index in 0..<100 { #expect(try await client.publish([UInt8(index)], to: a) == 1) }
        #expect(try await next(&events) == .connected)
        for index in 0..<100 { #expect(try await next(&events) == .message(channel: a, payload: [UInt8(index)])) }
        subscriber.unsubscribe(a)
        try await eventually("nobody listens to a") { try await client.publish([], to: a) == 0 }
        #expect(try await client.publish([1], to: b) == 1)
        var last = try await next(&events)
        while last == .message(channel: a, payload: []) { last = try await next(&events) }
        #expect(last == .message(channel: b, payload: [1]))
        await subscriber.close()
        #expect(await events.next() == nil)
        await client.close()
    }

    @Test(
        "after a kill and a restart it says so, and everything wanted is subscribed again, asked for meanwhile or not")
    func resubscribes() async throws {
        let server = try await PrivateRedis()
        let subscriber = RedisSubscriber(try server.address, logger: redisLogger)
        var events = subscriber.events.makeAsyncIterator()
        try await subscriber.subscribe("before")
        #expect(try await next(&events) == .connected)
        server.kill()
        #expect(try await next(&events) == .disconnected)
        let error = await #expect(throws: RedisError.self) { try await subscriber.subscribe("meanwhile") }
        #expect(error?.isRetriable == true)
        try await server.start()
        #expect(try await next(&events) == .connected)
        let client = RedisClient(try server.address, logger: redisLogger)
        for channel in ["before", "meanwhile"] {
            #expect(try await client.publish([1], to: channel) == 1)
            #expect(try await next(&events) == .message(channel: channel, payload: [1]))
        }
        await subscriber.close()
        await client.close()
    }

    @Test("a silent server is noticed by PING")
    func silentServer() async throws {
        let server = try await PrivateRedis()
        var settings = RedisSettings()
        settings.pingInterval = .milliseconds(200)
        settings.commandTimeout = .milliseconds(300)
        let subscriber = RedisSubscriber(try server.address, settings: settings, logger: redisLogger)
        var events = subscriber.events.makeAsyncIterator()
        try await subscriber.subscribe("a")
        #expect(try await next(&events) == .connected)
        server.stall()
        let start = ContinuousClock.now
        #expect(try await next(&events) == .disconnected)
        #expect(ContinuousClock.now - start < .seconds(8))
        server.resume()
        #expect(try await next(&events) == .connected)
        await subscriber.close()
    }

    @Test("a reader that is too slow gets an interruption in place of its backlog, then goes on")
    func slowReader() async throws {
        var settings = RedisSettings()
        settings.maximumBufferedEvents = 50
        let subscriber = RedisSubscriber(try givenRedis(), settings: settings, logger: redisLogger)
        let client = RedisClient(try givenRedis(), logger: redisLogger)
        let (channel, marker) = ("em:test:\(UUID())", "em:test:\(UUID())")
        try await subscriber.subscribe(channel)
        for index in 0..<200 { try await client.publish([UInt8(index)], to: channel) }
        // Confirmed after all of the above has passed through the same connection.
        try await subscriber.subscribe(marker)
        var events = subscriber.events.makeAsyncIterator()
        #expect(try await next(&events) == .disconnected)
        #expect(try await next(&events) == .connected)
        var last = try await next(&events)
        try await client.publish([255, 255], to: channel)
        while last != .message(channel: channel, payload: [255, 255]) { last = try await next(&events) }
        await subscriber.close()
        await client.close()
    }

    @Test("a cancelled reader and a cancelled subscribe return at once")
    func cancellation() async throws {
        let server = try await PrivateRedis()
        let subscriber = RedisSubscriber(try server.address, logger: redisLogger)
        try await subscriber.subscribe("a")
        let reader = Task {
            var count = 0
            for await _ in subscriber.events { count += 1 }
            return count
        }
        server.stall()
        let waiting = Task { try await subscriber.subscribe("b") }
        waiting.cancel()
        await #expect(throws: RedisError(.cancelled)) { try await waiting.value }
        reader.cancel()
        #expect(await reader.value <= 1)
        await subscriber.close()
    }
}
