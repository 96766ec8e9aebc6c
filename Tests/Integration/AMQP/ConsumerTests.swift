import AMQP
import Testing

@Suite("Consuming", .serialized)
struct ConsumerTests {
    let broker: Broker

    init() throws { broker = try Broker() }

    @Test("acked messages are gone, rejected ones dead-lettered, requeued ones come again")
    func settling() async throws {
        try await broker.withQueue { parked, _, _ in
            let source = "\(parked).source"
            let topology = Topology(queues: [
                Queue(
                    name: source,
                    arguments: [
                        "x-queue-type": "quorum", "x-dead-letter-exchange": "",
                        "x-dead-letter-routing-key": .string(parked),
                        "x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish",
                    ])
            ])
            let publisher = broker.publisher(topology: topology)
            for number in 0..<3 {
                try await publisher.publish(Message(exchange: "", routingKey: source, body: Array("\(number)".utf8)))
            }
            let consumer = broker.consumer(of: source)
            let taken = try await consumer.deliveries.take(3, acking: false)
            try await taken[0].ack()
            try await taken[1].reject(requeue: false)
            try await taken[2].reject(requeue: true)
            let again = try await consumer.deliveries.take(1)[0]
            #expect(again.redelivered && again.message.number == 2)
            try await broker.eventually("dead-lettered") { try await publisher.queueStatus(parked).messages == 1 }
            let morgue = broker.consumer(of: parked)
            #expect(try await morgue.deliveries.take(1)[0].message.number == 1)
            await #expect(throws: BrokerError(.alreadySettled)) { try await again.ack() }
            await morgue.close()
            await consumer.close()
            #expect(try await publisher.queueStatus(source).messages == 0)
            try await publisher.delete(queue: source)
            await publisher.close()
        }
    }

    @Test("no more than the prefetch is in hand, and two consumers share a queue")
    func prefetch() async throws {
        try await broker.withQueue { queue, exchange, _ in
            let publisher = broker.publisher()
            for outcome in await publisher.publish((0..<20).map { .numbered($0, to: exchange) }) { try outcome.get() }
            let first = broker.consumer(of: queue, prefetch: 5)
            let held = try await first.deliveries.take(5, acking: false)
            try await broker.eventually("15 left") { try await publisher.queueStatus(queue).messages == 15 }
            let second = broker.consumer(of: queue, prefetch: 5)
            #expect(try await second.deliveries.take(15).compactMap(\.message.number) == Array(5..<20))
            for delivery in held { try await delivery.ack() }
            await first.close()
            await second.close()
            #expect(try await publisher.queueStatus(queue).messages == 0)
            await publisher.close()
        }
    }

    @Test("stopTaking hands back what nobody read, ends the deliveries, and what is in hand can still be acked")
    func stopTaking() async throws {
        try await broker.withQueue { queue, exchange, _ in
            let publisher = broker.publisher()
            for outcome in await publisher.publish((0..<10).map { .numbered($0, to: exchange) }) { try outcome.get() }
            let consumer = broker.consumer(of: queue, prefetch: 10)
            let held = try await consumer.deliveries.take(2, acking: false)
            await consumer.stopTaking()
            for await _ in consumer.deliveries { Issue.record("a delivery after the end") }
            try await broker.eventually("8 back") { try await publisher.queueStatus(queue).messages == 8 }
            try await held[0].ack()
            await consumer.close()
            // The other one was in hand, unsettled: it goes back with the connection.
            try await broker.eventually("9 back") { try await publisher.queueStatus(queue).messages == 9 }
            await #expect(throws: BrokerError.self) { try await held[1].ack() }
            await publisher.close()
        }
    }

    @Test("a cancelled reader stops, and loses nothing")
    func cancellation() async throws {
        try await broker.withQueue { queue, exchange, _ in
            let consumer = broker.consumer(of: queue)
            let reader = Task { () -> Int in
                var count = 0
                for await delivery in consumer.deliveries {
                    try await delivery.ack()
                    count += 1
                }
                return count
            }
            reader.cancel()
            #expect(try await reader.value == 0)
            let publisher = broker.publisher()
            try await publisher.publish(.numbered(7, to: exchange))
            #expect(try await consumer.deliveries.take(1)[0].message.number == 7)
            await consumer.close()
            await publisher.close()
        }
    }

    @Test("a deleted queue is declared again and consumed")
    func deletedQueue() async throws {
        try await broker.withQueue { queue, exchange, topology in
            let consumer = broker.consumer(of: queue, topology: topology)
            let publisher = broker.publisher()
            try await publisher.publish(.numbered(1, to: exchange))
            _ = try await consumer.deliveries.take(1)
            try await publisher.delete(queue: queue)
            try await broker.eventually("declared again") {
                // Until then the message is unroutable.
                if case .success = await publisher.publish([.numbered(2, to: exchange)])[0] { true } else { false }
            }
            #expect(try await consumer.deliveries.take(1)[0].message.number == 2)
            await consumer.close()
            await publisher.close()
        }
    }
}
