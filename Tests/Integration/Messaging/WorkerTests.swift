import AMQP
import Domain
import FoundationEssentials
@testable import Messaging
import Persistence
import Postgres
import ServiceLifecycle
import Synchronization
import TestSupport
import TestSupport
import Testing

/// What a handler saw, and what it is to answer.
private final class Script: Sendable {
    struct Sight: Sendable {
        let id: MessageID
        let attempt: Int
        let firstSeen: Date
        let trace: String?
    }

    private let sights = Mutex<[Sight]>([])

    var seen: [Sight] { sights.withLock { $0 } }
    func attempts(of id: MessageID) -> [Int] { seen.filter { $0.id == id }.map(\.attempt) }

    func note(_ message: ReceivedMessage) {
        sights.withLock {
            $0.append(
                Sight(
                    id: message.event.id, attempt: message.attempt, firstSeen: message.firstSeen,
                    trace: TraceContext.current?.traceID))
        }
    }
}

@Suite("A message worker", .serialized)
struct WorkerTests {
    private struct Unforeseen: Error {}

    private func event(_ type: String = "em.registration.confirmed", trace: TraceContext? = nil) -> CloudEvent {
        CloudEvent(
            id: MessageID(), type: type, subject: EventID().description, time: Date(), sequence: 1,
            traceparent: trace?.traceparent, data: Array(#"{"a":1}"#.utf8))
    }

    private func send(_ event: CloudEvent, _ world: MessagingWorld) async throws {
        try await world.publisher.publish(
            Message(
                exchange: "", routingKey: world.queue.name, body: try event.encoded(),
                properties: .init(messageID: event.id.description, headers: ["owner": "someone"])))
    }

    private func worker(
        _ world: MessagingWorld, prefetch: Int = 16, concurrency: Int = 4,
        _ handler: @escaping MessageWorker.Handler
    ) -> MessageWorker {
        MessageWorker(
            world.queue, broker: world.broker.address, topology: world.topology, prefetch: prefetch,
            concurrency: concurrency, logger: Broker.quiet, handler: handler)
    }

    private func depth(_ queue: String, _ world: MessagingWorld) async throws -> Int {
        try await world.publisher.queueStatus(queue).messages
    }

    /// The one parked message.
    private func parked(_ world: MessagingWorld) async throws -> Message {
        let consumer = world.broker.consumer(of: world.queue.parked)
        let message = try await consumer.deliveries.take(1)[0].message
        await consumer.close()
        return message
    }

    @Test("a message that fails climbs the ladder with its id and first-seen time, and is done in the end")
    func retryThenDone() async throws {
        try await MessagingWorld.run { world in
            let script = Script()
            let trace = TraceContext()
            let event = event(trace: trace)
            let worker = worker(world) { message in
                script.note(message)
                switch message.attempt {
                case 1: return .retry(after: nil, reason: "not-yet")
                case 2: throw Unforeseen()
                default: return .ack
                }
            }
            try await world.running([worker]) {
                try await send(event, world)
                try await world.broker.eventually("third attempt") { script.attempts(of: event.id) == [1, 2, 3] }
                try await world.broker.eventually("queue empty") { try await depth(world.queue.name, world) == 0 }
            }
            #expect(script.seen.allSatisfy { $0.trace == trace.traceID })
            // The header has milliseconds.
            let times = script.seen.map(\.firstSeen.timeIntervalSince1970)
            #expect((times.max() ?? 0) - (times.min() ?? 0) < 0.002)
            for name in [world.queue.parked, world.queue.name] { #expect(try await depth(name, world) == 0) }
        }
    }

    @Test("a message that always fails is parked with its reason and attempts, and harms no neighbour")
    func alwaysFailing() async throws {
        try await MessagingWorld.run { world in
            let script = Script()
            let poison = event()
            let neighbours = (0..<20).map { _ in event() }
            let worker = worker(world) { message in
                script.note(message)
                if message.event.id == poison.id { throw Unforeseen() }
                return .ack
            }
            try await world.running([worker]) {
                try await send(poison, world)
                for neighbour in neighbours { try await send(neighbour, world) }
                try await world.broker.eventually("parked") { try await depth(world.queue.parked, world) == 1 }
            }
            #expect(script.attempts(of: poison.id) == [1, 2, 3, 4])
            for neighbour in neighbours { #expect(script.attempts(of: neighbour.id) == [1]) }
            let message = try await parked(world)
            let headers = message.properties.headers
            #expect(message.properties.messageID == poison.id.description)
            #expect(message.body == (try poison.encoded()))
            #expect(headers["em-reason"] == "handler-failed")
            #expect(headers["em-attempt"] == 4)
            #expect(headers["owner"] == "someone")
            #expect(headers["em-first-seen"]?.stringValue.flatMap(Timestamp.parse) != nil)
        }
    }

    @Test("what can't be decoded, and what the handler rejects, is parked at once", arguments: [true, false])
    func parkedAtOnce(decodable: Bool) async throws {
        try await MessagingWorld.run { world in
            let script = Script()
            let worker = worker(world) { message in
                script.note(message)
                return .park(reason: "unknown-event")
            }
            try await world.running([worker]) {
                if decodable {
                    try await send(event(), world)
                } else {
                    try await world.publisher.publish(
                        Message(exchange: "", routingKey: world.queue.name, body: [0xFF, 0]))
                }
                try await world.broker.eventually("parked") { try await depth(world.queue.parked, world) == 1 }
            }
            #expect(script.seen.count == (decodable ? 1 : 0))
            let message = try await parked(world)
            #expect(message.properties.headers["em-reason"] == (decodable ? "unknown-event" : "undecodable"))
        }
    }

    @Test("a newer minor version is handled, another major one is parked", arguments: ["1.9", "2.0"])
    func versions(version: String) async throws {
        try await MessagingWorld.run { world in
            let script = Script()
            let worker = worker(world) { message in
                script.note(message)
                return .ack
            }
            let event = event()
            let text = String(decoding: try event.encoded(), as: UTF8.self)
                .replacing(#""specversion":"1.0""#, with: #""specversion":"\#(version)","later":{"more":[1]}"#)
            try await world.running([worker]) {
                try await world.publisher.publish(
                    Message(
                        exchange: "", routingKey: world.queue.name, body: Array(text.utf8)))
                try await world.broker.eventually("settled") {
                    try await script.seen.count + depth(world.queue.parked, world) == 1
                }
            }
            #expect(script.attempts(of: event.id) == (version == "1.9" ? [1] : []))
            if version == "2.0" {
                #expect(try await parked(world).properties.headers["em-reason"] == "unknown-version")
            }
        }
    }

    @Test("while the database is away messages wait and count no attempt")
    func databaseAway() async throws {
        try await MessagingWorld.run { world in
            let script = Script()
            let away = Database(
                try DatabaseSettings(url: "postgres://nobody:nothing@127.0.0.1:1/none"), logger: Broker.quiet)
            let worker = worker(world) { message in
                script.note(message)
                if script.seen.count < 4 { _ = try await away.read("SELECT 1") }
                return .ack
            }
            try await world.running([worker]) {
                let event = event()
                try await send(event, world)
                try await world.broker.eventually("handled") { script.attempts(of: event.id) == [1, 1, 1, 1] }
                try await world.broker.eventually("gone") { try await depth(world.queue.name, world) == 0 }
            }
            #expect(try await depth(world.queue.parked, world) == 0)
            await away.close()
        }
    }

    @Test("on shutdown what is in hand is finished, and the rest goes back")
    func drain() async throws {
        try await MessagingWorld.run { world in
            for _ in 0..<20 { try await send(event(), world) }
            let script = Script()
            let gate = Gate(parties: 3)
            let worker = worker(world, prefetch: 10, concurrency: 2) { message in
                script.note(message)
                await gate.pass()
                return .ack
            }
            let group = ServiceGroup(services: [worker], logger: Broker.quiet)
            async let over: Void = group.run()
            try await world.broker.eventually("two in hand") { script.seen.count == 2 }
            await group.triggerGracefulShutdown()
            // The prefetched ones go back while the two are still at work.
            try await world.broker.eventually("18 back") { try await depth(world.queue.name, world) == 18 }
            await gate.pass()
            try await over
            #expect(script.seen.count == 2)
            #expect(try await depth(world.queue.name, world) == 18)
        }
    }

    @Test("a worker that is cancelled hands back even what it has in hand")
    func cancelled() async throws {
        try await MessagingWorld.run { world in
            try await send(event(), world)
            let script = Script()
            let worker = worker(world) { message in
                script.note(message)
                try await Task.sleep(for: .seconds(3600))
                return .ack
            }
            let running = Task { try await worker.run() }
            try await world.broker.eventually("in hand") { script.seen.count == 1 }
            running.cancel()
            _ = await running.result
            try await world.broker.eventually("back") { try await depth(world.queue.name, world) == 1 }
        }
    }

    @Test("what killed its worker again and again is parked without being handled; what was only near it is handled")
    func killer() async throws {
        try await MessagingWorld.run { world in
            let suspects = SuspectStore(world.database.database)
            let killer = event()
            let near = event()
            let others = (0..<8).map { _ in event() }
            for event in [killer, near] + others { try await send(event, world) }
            // In hand of a worker that dies.
            let victim = world.broker.consumer(of: world.queue.name)
            _ = try await victim.deliveries.take(10, acking: false)
            await victim.close()
            // And of others before it, which had begun these two.
            for _ in 0..<MessageWorker.maximumStarts {
                _ = try await suspects.noteStart(of: killer.id, consumer: world.queue.name)
            }
            for _ in 1..<MessageWorker.aloneFrom {
                _ = try await suspects.noteStart(of: near.id, consumer: world.queue.name)
            }
            let script = Script()
            let side = SideBySide()
            let worker = MessageWorker(
                world.queue, broker: world.broker.address, topology: world.topology, suspects: suspects, prefetch: 16,
                concurrency: 4, logger: Broker.quiet
            ) { message in
                script.note(message)
                await side.during(message.event.id)
                return .ack
            }
            try await world.running([worker]) {
                try await world.broker.eventually("parked") { try await depth(world.queue.parked, world) == 1 }
                try await world.broker.eventually("the others handled") { script.seen.count == 9 }
                try await world.broker.eventually("acquitted") {
                    try await world.count("SELECT count(*) AS count FROM suspects") == 0
                }
            }
            #expect(script.attempts(of: killer.id) == [])
            for event in [near] + others { #expect(script.attempts(of: event.id) == [1]) }
            #expect(side.company(of: near.id) == 0)
            let message = try await parked(world)
            #expect(message.properties.headers["em-reason"] == "kills-worker")
            #expect(message.properties.messageID == killer.id.description)
        }
    }

    @Test("a worker is connected once the broker delivers to it, and no longer when its queue is gone")
    func connected() async throws {
        try await MessagingWorld.run { world in
            let worker = worker(world) { _ in .ack }
            try await world.running([worker]) {
                try await world.broker.eventually("connected") { worker.isConnected }
                try await world.publisher.delete(queue: world.queue.name)
                // It hears of that, and declares the queue again.
                try await world.broker.eventually("declared again") {
                    do { return try await depth(world.queue.name, world) == 0 } catch { return false }
                }
                try await world.broker.eventually("connected again") { worker.isConnected }
                try await send(event(), world)
                try await world.broker.eventually("handled") { try await depth(world.queue.name, world) == 0 }
            }
        }
    }
}

/// Who was handled beside whom.
private final class SideBySide: Sendable {
    private let state = Mutex((inside: [MessageID](), company: [MessageID: Int]()))

    func during(_ id: MessageID) async {
        state.withLock { state in
            for other in state.inside { state.company[other, default: 0] += 1 }
            state.company[id] = state.inside.count
            state.inside.append(id)
        }
        // Long enough for whoever may come beside it.
        do { try await Task.sleep(for: .milliseconds(20)) } catch {}
        state.withLock { state in state.inside.removeAll { $0 == id } }
    }

    func company(of id: MessageID) -> Int? { state.withLock { $0.company[id] } }
}
