import AMQP
import Domain
import Messaging
import Persistence
import Postgres
import Redis
import TestSupport
import Testing

@Suite("Broker objects that vanish while the relay is connected", .serialized)
struct TopologyReconcilerTests {
    @Test("a worker's queue is made again, with what it had lost, and nobody else hears anything twice")
    func deletedQueue() async throws {
        try await MessagingWorld.run { world in
            try await world.listen(to: "#")
            let redis = try world.redis()
            let event = EventID()
            let tail = world.broker.consumer(of: world.tail, prefetch: 500)
            try await world.running([world.relay(redis: redis)]) {
                let ids = try await world.commit(20, of: event)
                try await world.broker.eventually("all marked") { try await world.unpublished() == 0 }
                // Ten of them are handled.
                try await world.database.owner.execute(
                    """
                    INSERT INTO inbox (consumer, message_id)
                    SELECT \(world.queue.name), message_id FROM unnest(\(Array(ids[..<10]))::uuid[]) AS message_id
                    """)
                try await world.publisher.delete(queue: world.queue.name)
                try await world.commit(10, of: event)
                try await world.broker.eventually("what it lost, and what came since") {
                    // Away at first: asking for it closes the channel, which is opened again.
                    let depth: Int
                    do throws(BrokerError) {
                        depth = try await world.publisher.queueStatus(world.queue.name).messages
                    } catch {
                        return false
                    }
                    return try await world.unpublished() == 0 && depth >= 20
                }
                let consumer = world.broker.consumer(of: world.queue.name, prefetch: 500)
                let received = try await Received([], untilDistinct: 20, from: consumer.deliveries)
                #expect(Set(received.events.map(\.id)).isDisjoint(with: ids[..<10]))
                #expect(Set(received.events.map(\.id)).isSuperset(of: ids[10...]))
                await consumer.close()
                let heard = try Received(try await tail.deliveries.take(30))
                #expect(heard.duplicates == 0 && heard.sequences(of: event) == Array(1...30))
            }
            await tail.close()
            await redis.close()
        }
    }

    @Test(
        "a fact that a worker has to have is not marked while its queue is away, however many others there are to read it"
    )
    func missing() async throws {
        try await MessagingWorld.run { world in
            try await world.listen(to: "#")
            let redis = try world.redis()
            // Relays that don't look after the worker's queue.
            func relay() -> OutboxRelay {
                OutboxRelay(
                    database: world.database.database, broker: world.broker.address, redis: redis,
                    topology: Topology(exchanges: world.topology.exchanges, carried: world.topology.carried),
                    workers: [world.queue], names: world.names, logger: Broker.quiet)
            }
            try await world.publisher.delete(queue: world.queue.name)
            let event = EventID()
            let tail = world.broker.consumer(of: world.tail)
            try await world.running([relay()]) {
                try await world.commit(1, of: event)
                #expect(try Received(try await tail.deliveries.take(1)).sequences(of: event) == [1])
                // Tried again and again, and heard by others once; and nobody else waits for it.
                for _ in 0..<3 {
                    try await world.commit(1, of: EventID(), .announcementPosted)
                    try await world.broker.eventually("the others marked") { try await world.unpublished() == 1 }
                    _ = try await tail.deliveries.take(1)
                }
            }
            // Nor does whoever has its partition next send it to all once more.
            try await world.running([relay()]) {
                try await world.commit(1, of: EventID(), .announcementPosted)
                try await world.broker.eventually("the other marked") { try await world.unpublished() == 1 }
                _ = try await tail.deliveries.take(1)
                try await world.publisher.declare(Topology(queues: world.topology.queues))
                try await world.broker.eventually("marked") { try await world.unpublished() == 0 }
                #expect(try await world.publisher.queueStatus(world.tail).messages == 0)
            }
            await tail.close()
            await redis.close()
        }
    }
}
