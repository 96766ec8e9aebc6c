import AMQP
import Domain
import FoundationEssentials
import Messaging
import Persistence
import Postgres
import Synchronization
import TestSupport
import TestSupport
import Testing

@Suite("Dead letters", .serialized)
struct DeadLetterTests {
    private func parked(_ world: MessagingWorld) -> ParkedMessages {
        ParkedMessages(
            broker: world.broker.address, publisher: world.publisher,
            store: DeadLetterStore(world.database.database), queues: [world.queue], logger: Broker.quiet)
    }

    private func event() -> CloudEvent {
        CloudEvent(
            id: MessageID(), type: "em.registration.confirmed", subject: EventID().description, time: Date(),
            sequence: 1, traceparent: nil, data: Array(#"{"a":1}"#.utf8))
    }

    private func send(_ body: [UInt8], id: String?, _ world: MessagingWorld) async throws {
        try await world.publisher.publish(
            Message(
                exchange: "", routingKey: world.queue.name, body: body,
                properties: .init(messageID: id, type: "em.registration.confirmed")))
    }

    private func depth(_ queue: String, _ world: MessagingWorld) async throws -> Int {
        try await world.publisher.queueStatus(queue).messages
    }

    /// Handles messages by what `isBroken` says, and notes the ids of those that it has done.
    private func worker(_ world: MessagingWorld, _ done: Done) -> MessageWorker {
        MessageWorker(
            world.queue, broker: world.broker.address, topology: world.topology, logger: Broker.quiet
        ) { message in
            if done.isBroken { return .park(reason: "broken") }
            done.note(message)
            return .ack
        }
    }

    private final class Done: Sendable {
        private let state = Mutex((isBroken: true, done: [(id: MessageID, attempt: Int)]()))

        var isBroken: Bool { state.withLock { $0.isBroken } }
        var done: [(id: MessageID, attempt: Int)] { state.withLock { $0.done } }

        func mend() { state.withLock { $0.isBroken = false } }
        func note(_ message: ReceivedMessage) { state.withLock { $0.done.append((message.event.id, message.attempt)) } }
    }

    @Test("they are listed with their reasons, in order, and looking changes nothing")
    func listed() async throws {
        try await MessagingWorld.run { world in
            let events = (0..<5).map { _ in event() }
            try await world.running([worker(world, Done())]) {
                for event in events { try await send(try event.encoded(), id: event.id.description, world) }
                try await send([0xFF, 0], id: nil, world)
                try await world.broker.eventually("parked") { try await depth(world.queue.parked, world) == 6 }
            }
            let parked = parked(world)
            let first = try await parked.list()
            #expect(first.total == 6)
            #expect(Set(first.letters.compactMap(\.messageID)) == Set(events.map(\.id.description)))
            #expect(first.letters.filter { $0.reason == "broken" }.count == 5)
            let garbage = try #require(first.letters.first { $0.reason == "undecodable" })
            #expect(garbage.event == nil && garbage.message.body == [0xFF, 0])
            #expect(first.letters.allSatisfy { $0.attempts == 1 && $0.firstSeen != nil && $0.lastFailedAt != nil })
            let second = try await parked.list(in: world.queue.name)
            #expect(second.letters.map(\.id) == first.letters.map(\.id))
            #expect(try await parked.list(in: "another").total == 0)
        }
    }

    @Test("replayed, a message is done under its id, and replaying again changes nothing; it is audited")
    func replayed() async throws {
        try await MessagingWorld.run { world in
            let done = Done()
            let event = event()
            let actor = UserID()
            try await world.running([worker(world, done)]) {
                try await send(try event.encoded(), id: event.id.description, world)
                try await world.broker.eventually("parked") { try await depth(world.queue.parked, world) == 1 }
                done.mend()
                let parked = parked(world)
                let letter = try #require(try await parked.list().letters.first)
                #expect(try await parked.replay(letter.id, by: actor))
                try await world.broker.eventually("done") { done.done.count == 1 }
                #expect(try await parked.replay(letter.id, by: actor))
                #expect(try await !parked.replay(UUID(), by: actor))
                try await world.broker.eventually("nothing left") { try await depth(world.queue.name, world) == 0 }
            }
            #expect(done.done.map(\.id) == [event.id] && done.done.map(\.attempt) == [1])
            #expect(try await depth(world.queue.parked, world) == 0)
            #expect(
                try await world.count(
                    "SELECT count(*) FROM audit WHERE action = 'dead-letter.replayed' AND actor_id = \(actor)") == 1)
        }
    }

    @Test("parked again after a replay, it is the same dead letter, and can be replayed again")
    func parkedAgain() async throws {
        try await MessagingWorld.run { world in
            let done = Done()
            let event = event()
            try await world.running([worker(world, done)]) {
                try await send(try event.encoded(), id: event.id.description, world)
                try await world.broker.eventually("parked") { try await depth(world.queue.parked, world) == 1 }
                let parked = parked(world)
                let letter = try #require(try await parked.list().letters.first)
                #expect(try await parked.replay(letter.id, by: nil))
                try await world.broker.eventually("parked again") {
                    try await parked.list().letters.map(\.replays) == [1]
                }
                done.mend()
                #expect(try await parked.replay(letter.id, by: nil))
                try await world.broker.eventually("done") { done.done.map(\.id) == [event.id] }
            }
        }
    }

    @Test("discarded, one is gone and the others stay; discarding again changes nothing")
    func discarded() async throws {
        try await MessagingWorld.run { world in
            let events = (0..<3).map { _ in event() }
            try await world.running([worker(world, Done())]) {
                for event in events { try await send(try event.encoded(), id: event.id.description, world) }
                try await world.broker.eventually("parked") { try await depth(world.queue.parked, world) == 3 }
            }
            let parked = parked(world)
            let letters = try await parked.list().letters
            #expect(try await parked.discard(letters[1].id, by: nil))
            #expect(try await parked.discard(letters[1].id, by: nil))
            #expect(try await parked.list().letters.map(\.id) == [letters[0].id, letters[2].id])
            #expect(try await world.count("SELECT count(*) FROM audit WHERE action = 'dead-letter.discarded'") == 1)
        }
    }

    @Test("two operators at once: each message is replayed once")
    func sideBySide() async throws {
        try await MessagingWorld.run { world in
            let done = Done()
            let events = (0..<4).map { _ in event() }
            try await world.running([worker(world, done)]) {
                for event in events { try await send(try event.encoded(), id: event.id.description, world) }
                try await world.broker.eventually("parked") { try await depth(world.queue.parked, world) == 4 }
                done.mend()
                let parked = parked(world)
                let ids = try await parked.list().letters.map(\.id)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<2 {
                        group.addTask {
                            for id in ids {
                                let isReplayed = try await parked.replay(id, by: nil)
                                #expect(isReplayed)
                            }
                        }
                    }
                    try await group.waitForAll()
                }
                try await world.broker.eventually("done") { done.done.count >= 4 }
                try await world.broker.eventually("nothing left") { try await depth(world.queue.name, world) == 0 }
            }
            #expect(done.done.map(\.id.description).sorted() == events.map(\.id.description).sorted())
        }
    }
}
