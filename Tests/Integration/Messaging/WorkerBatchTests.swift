import AMQP
import Domain
import FoundationEssentials
import Messaging
import Persistence
import Synchronization
import TestSupport
import Testing

/// What a worker's two handlers were given, in order.
private final class Ledger: Sendable {
    private let entries = Mutex<(batches: [[MessageID]], singles: [MessageID])>(([], []))

    var batches: [[MessageID]] { entries.withLock { $0.batches } }
    var singles: [MessageID] { entries.withLock { $0.singles } }
    func noteBatch(_ messages: [ReceivedMessage]) { entries.withLock { $0.batches.append(messages.map(\.event.id)) } }
    func noteSingle(_ message: ReceivedMessage) { entries.withLock { $0.singles.append(message.event.id) } }
}

@Suite("A message worker that takes batches", .serialized)
struct WorkerBatchTests {
    private struct Spoiled: Error {}

    private func send(_ count: Int, _ world: MessagingWorld) async throws -> [MessageID] {
        var ids: [MessageID] = []
        for _ in 0..<count {
            let event = CloudEvent(
                id: MessageID(), type: "em.registration.confirmed", subject: EventID().description, time: Date(),
                sequence: 1, traceparent: nil, data: Array(#"{"a":1}"#.utf8))
            try await world.publisher.publish(
                Message(
                    exchange: "", routingKey: world.queue.name, body: try event.encoded(),
                    properties: .init(messageID: event.id.description)))
            ids.append(event.id)
        }
        return ids
    }

    private func depth(_ queue: String, _ world: MessagingWorld) async throws -> Int {
        try await world.publisher.queueStatus(queue).messages
    }

    /// Nothing is left on the queue, not even in a worker's hands: what is not acked comes back when it is gone.
    private func expectNothingLeft(_ world: MessagingWorld, parked: Int = 0) async throws {
        #expect(try await depth(world.queue.name, world) == 0)
        #expect(try await depth(world.queue.parked, world) == parked)
    }

    @Test("takes a lone message at once, and together what has come meanwhile")
    func together() async throws {
        try await MessagingWorld.run { world in
            let ledger = Ledger()
            let gate = Gate(parties: 2)
            let worker = MessageWorker(
                world.queue, broker: world.broker.address, topology: world.topology, prefetch: 32, concurrency: 1,
                logger: Broker.quiet,
                batch: .init(atMost: 4) { messages in
                    ledger.noteBatch(messages)
                    // Two are left over.
                    return Set(messages.map(\.event.id).dropLast(2))
                }
            ) { message in
                ledger.noteSingle(message)
                if ledger.singles.count == 1 { await gate.pass() }
                return .ack
            }
            try await world.running([worker]) {
                let lone = try await send(1, world)
                try await world.broker.eventually("the lone one in hand") { ledger.singles == lone }
                let rest = try await send(8, world)
                try await world.broker.eventually("prefetched") { try await depth(world.queue.name, world) == 0 }
                await gate.pass()
                try await world.broker.eventually("each handled, in its batch or left over by it") {
                    ledger.batches.map { $0.count - 2 }.reduce(ledger.singles.count, +) == 9
                }
                #expect(Set(ledger.batches.joined()).union(ledger.singles) == Set(lone + rest))
                #expect(ledger.batches.allSatisfy { (2...4).contains($0.count) } && !ledger.batches.isEmpty)
            }
            try await expectNothingLeft(world)
        }
    }

    @Test("a message that spoils its batch is parked, and each of its neighbours is done once")
    func spoiled() async throws {
        try await MessagingWorld.run { world in
            let ids = try await send(12, world)
            let poison = ids[5]
            let done = Mutex<[MessageID]>([])
            let spoiled = Atomic<Int>(0)
            let worker = MessageWorker(
                world.queue, broker: world.broker.address, topology: world.topology, prefetch: 32, concurrency: 2,
                logger: Broker.quiet,
                batch: .init(atMost: 8) { messages in
                    if messages.contains(where: { $0.event.id == poison }) {
                        spoiled.add(1, ordering: .relaxed)
                        throw Spoiled()
                    }
                    done.withLock { $0 += messages.map(\.event.id) }
                    return Set(messages.map(\.event.id))
                }
            ) { message in
                if message.event.id == poison { throw Spoiled() }
                done.withLock { $0.append(message.event.id) }
                return .ack
            }
            try await world.running([worker]) {
                try await world.broker.eventually("parked") { try await depth(world.queue.parked, world) == 1 }
                try await world.broker.eventually("neighbours done") { done.withLock { $0.count } >= 11 }
            }
            #expect(
                done.withLock { $0.sorted { $0.description < $1.description } }
                    == ids.filter { $0 != poison }.sorted { $0.description < $1.description })
            // What failed before comes back without company.
            #expect(spoiled.load(ordering: .relaxed) <= 1)
            try await expectNothingLeft(world, parked: 1)
        }
    }

    @Test("what came back unsettled gets no company")
    func cameBack() async throws {
        try await MessagingWorld.run { world in
            let ids = try await send(6, world)
            let victim = world.broker.consumer(of: world.queue.name)
            _ = try await victim.deliveries.take(6, acking: false)
            await victim.close()
            let ledger = Ledger()
            let worker = MessageWorker(
                world.queue, broker: world.broker.address, topology: world.topology, prefetch: 32, concurrency: 1,
                logger: Broker.quiet,
                batch: .init(atMost: 8) { messages in
                    ledger.noteBatch(messages)
                    return []
                }
            ) { message in
                ledger.noteSingle(message)
                return .ack
            }
            try await world.running([worker]) {
                try await world.broker.eventually("handled one by one") { Set(ledger.singles) == Set(ids) }
            }
            #expect(ledger.batches.isEmpty)
            try await expectNothingLeft(world)
        }
    }
}
