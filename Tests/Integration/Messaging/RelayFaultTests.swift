import AMQP
import Domain
import FoundationEssentials
import Messaging
import Persistence
import Postgres
import Redis
import TestSupport
import Testing

@Suite("The outbox relay when a server is away", .serialized)
struct RelayFaultTests {
    @Test("with the broker away, commits go on and browsers hear of them; the backlog leaves in order when it is back")
    func brokerAway() async throws {
        try await MessagingWorld.run { world in
            try await world.listen(to: "#")
            let proxy = try BrokerProxy(to: world.broker.address.host, port: world.broker.address.port)
            var address = world.broker.address
            address.host = "127.0.0.1"
            address.port = proxy.port
            proxy.set(.refuse)
            let redis = try world.redis()
            let event = EventID()
            let consumer = world.broker.consumer(of: world.tail)
            try await world.running([world.relay(through: address, redis: redis)]) {
                try await world.commit(100, of: event)
                try await world.broker.eventually("browsers told") {
                    try await world.count("SELECT count(*) FROM outbox WHERE live_at IS NULL") == 0
                }
                #expect(try await world.unpublished() == 100)
                proxy.set(.forward)
                let received = try Received(try await consumer.deliveries.take(100))
                #expect(received.sequences(of: event) == Array(1...100))
                try await world.broker.eventually("all marked") { try await world.unpublished() == 0 }
            }
            proxy.close()
            await consumer.close()
            await redis.close()
        }
    }

    @Test("connections cut again and again lose nothing and keep the order of first arrival")
    func cuts() async throws {
        try await MessagingWorld.run { world in
            try await world.listen(to: "#")
            let proxy = try BrokerProxy(to: world.broker.address.host, port: world.broker.address.port)
            var address = world.broker.address
            address.host = "127.0.0.1"
            address.port = proxy.port
            let redis = try world.redis()
            let events = (0..<3).map { _ in EventID() }
            let consumer = world.broker.consumer(of: world.tail, prefetch: 500)
            try await world.running([world.relay(through: address, redis: redis)]) {
                async let writing: Void = withThrowingTaskGroup(of: Void.self) { group in
                    for event in events { group.addTask { try await world.commit(100, of: event) } }
                    try await group.waitForAll()
                }
                var deliveries: [Delivery] = []
                for _ in 0..<3 {
                    deliveries += try await consumer.deliveries.take(30)
                    proxy.cut()
                }
                try await writing
                let received = try await Received(deliveries, untilDistinct: 300, from: consumer.deliveries)
                for event in events { #expect(received.sequences(of: event) == Array(1...100)) }
                try await world.broker.eventually("all marked") { try await world.unpublished() == 0 }
            }
            proxy.close()
            await consumer.close()
            await redis.close()
        }
    }

    @Test(
        "with Redis away the broker gets its facts; when it is back, browsers get the newest counts, never older ones")
    func redisAway() async throws {
        try await MessagingWorld.run { world in
            try await world.listen(to: "#")
            let real = try RedisAddress(url: Servers.redis)
            let proxy = try BrokerProxy(to: real.host, port: real.port)
            proxy.set(.refuse)
            let redis = try world.redis(Servers.redis.replacing(":\(real.port)", with: ":\(proxy.port)"))
            let subscriber = RedisSubscriber(real, logger: Broker.quiet)
            let event = EventID()
            try await subscriber.subscribe("em:live:event:\(event)")
            let consumer = world.broker.consumer(of: world.tail)
            try await world.running([world.relay(redis: redis)]) {
                try await world.commit(50, of: event)
                let received = try Received(try await consumer.deliveries.take(50))
                #expect(received.sequences(of: event) == Array(1...50))
                try await world.broker.eventually("all marked") { try await world.unpublished() == 0 }
                #expect(try await world.count("SELECT count(*) FROM outbox WHERE live_at IS NOT NULL") == 0)
                proxy.set(.forward)
                let revisions = try await revisions(upTo: 50, subscriber)
                #expect(revisions.last == 50)
                #expect(revisions == revisions.sorted())
                // Fifty changes are one piece of news.
                #expect(revisions.count < 10)
            }
            await subscriber.close()
            proxy.close()
            await consumer.close()
            await redis.close()
        }
    }

    private struct Counts: Decodable {
        var type: String
        var revision: Int
    }

    private func revisions(upTo last: Int, _ subscriber: RedisSubscriber) async throws -> [Int] {
        try await withThrowingTaskGroup(of: [Int]?.self) { group in
            group.addTask {
                var revisions: [Int] = []
                for await case .message(_, let payload) in subscriber.events {
                    let counts = try WireJSON.decode(Counts.self, from: payload)
                    #expect(counts.type == "counts")
                    revisions.append(counts.revision)
                    if counts.revision == last { break }
                }
                return revisions
            }
            group.addTask {
                try await Task.sleep(for: Broker.timeout)
                return nil
            }
            defer { group.cancelAll() }
            return try #require(try await group.next() ?? nil, "the newest counts never came")
        }
    }
}
