import AMQP
import Domain
import Messaging
import Persistence
import Postgres
import Redis
import TestSupport
import Testing

@Suite("The outbox relay", .serialized)
struct RelayTests {
    @Test("facts leave in order per event, with sequences without gaps, and are marked")
    func order() async throws {
        try await MessagingWorld.run { world in
            try await world.listen(to: "#")
            let redis = try world.redis()
            let events = (0..<5).map { _ in EventID() }
            let consumer = world.broker.consumer(of: world.tail, prefetch: 500)
            try await world.running([world.relay(redis: redis)]) {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<2 { for event in events { group.addTask { try await world.commit(50, of: event) } } }
                    try await group.waitForAll()
                }
                let received = try await Received([], untilDistinct: 500, from: consumer.deliveries)
                for event in events { #expect(received.sequences(of: event) == Array(1...100)) }
                // Only what a busy broker didn't confirm in time leaves twice; without leases (below) everything does.
                #expect(received.duplicates < 100)
                try await world.broker.eventually("all marked") { try await world.unpublished() == 0 }
            }
            await consumer.close()
            await redis.close()
        }
    }

    @Test("a fact that can't be routed is not marked, holds up its own event only, and leaves in order once it can")
    func unroutable() async throws {
        try await MessagingWorld.run { world in
            try await world.listen(to: "em.registration.*")
            let redis = try world.redis()
            let stuck = EventID()
            let free = EventID()
            let ids = try await world.commit(3, of: stuck)
            // A type that no queue is bound to: neither a worker's nor one of ours that may go unread.
            _ = try await world.database.owner.execute(
                "UPDATE outbox SET type = 'em.test.unbound' WHERE message_id = \(ids[1])")
            try await world.commit(3, of: free)
            let consumer = world.broker.consumer(of: world.tail)
            try await world.running([world.relay(redis: redis)]) {
                let first = try Received(try await consumer.deliveries.take(4))
                #expect(first.sequences(of: stuck) == [1])
                #expect(first.sequences(of: free) == [1, 2, 3])
                // What is committed meanwhile waits behind it, too.
                try await world.commit(1, of: stuck)
                try await world.commit(1, of: free)
                let more = try Received(try await consumer.deliveries.take(1))
                #expect(more.sequences(of: free) == [4])
                // The last one confirmed may not be marked yet.
                try await world.broker.eventually("three held back") { try await world.unpublished() == 3 }
                try await world.listen(to: "em.test.unbound")
                let rest = try Received(try await consumer.deliveries.take(3))
                #expect(rest.events.map(\.id).prefix(2) == ids[1...])
                #expect(rest.sequences(of: stuck) == [2, 3, 4])
                try await world.broker.eventually("all marked") { try await world.unpublished() == 0 }
            }
            await consumer.close()
            await redis.close()
        }
    }

    @Test("a fact that none of our workers reads may have no reader at all")
    func unread() async throws {
        try await MessagingWorld.run { world in
            let redis = try world.redis()
            try await world.running([world.relay(redis: redis)]) {
                try await world.commit(1, of: EventID(), .announcementPosted)
                try await world.broker.eventually("marked") { try await world.unpublished() == 0 }
            }
            await redis.close()
        }
    }

    @Test(
        "two relays share the partitions and keep the order while these move; what is cut down leaves all to the other")
    func twoRelays() async throws {
        try await MessagingWorld.run { world in
            try await world.listen(to: "#")
            let redis = try world.redis()
            let events = (0..<4).map { _ in EventID() }
            let consumer = world.broker.consumer(of: world.tail, prefetch: 500)
            let first = world.relay(redis: redis)
            // Killed, not stopped: its task is cancelled in the middle of its work.
            let victim = Task { try await first.run() }
            try await world.broker.eventually("all are the first one's") {
                first.partitionCount == OutboxStore.partitionCount
            }
            let second = world.relay(redis: redis)
            try await world.running([second]) {
                async let writing: Void = withThrowingTaskGroup(of: Void.self) { group in
                    for event in events { group.addTask { try await world.commit(150, of: event) } }
                    try await group.waitForAll()
                }
                var deliveries = try await consumer.deliveries.take(100)
                try await world.broker.eventually("halves") {
                    first.partitionCount == OutboxStore.partitionCount / 2
                        && second.partitionCount == OutboxStore.partitionCount / 2
                }
                deliveries += try await consumer.deliveries.take(100)
                victim.cancel()
                try await writing
                try await world.broker.eventually("all marked") { try await world.unpublished() == 0 }
                try await world.broker.eventually("taken over") {
                    second.partitionCount == OutboxStore.partitionCount
                }
                let received = try await Received(deliveries, untilDistinct: 600, from: consumer.deliveries)
                for event in events { #expect(received.sequences(of: event) == Array(1...150)) }
            }
            _ = await victim.result
            await consumer.close()
            await redis.close()
        }
    }

    @Test("under load the relay watches instead of being woken; when it is quiet again, commits wake it at once")
    func watching() async throws {
        try await MessagingWorld.run { world in
            let redis = try world.redis()
            let events = (0..<4).map { _ in EventID() }
            try await world.running([world.relay(redis: redis)]) {
                let watched = "SELECT count(*) AS count FROM outbox_watch WHERE watched" as SQL
                var seen = 0
                // Several writers at once, until the relay has taken to watching.
                try await world.broker.eventually("watched") {
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        for event in events { group.addTask { try await world.commit(25, of: event) } }
                        try await group.waitForAll()
                    }
                    seen = try await world.count(watched)
                    return seen > 0
                }
                #expect(seen == OutboxStore.partitionCount)
                try await world.broker.eventually("quiet") { try await world.count(watched) == 0 }
                try await world.broker.eventually("all marked") { try await world.unpublished() == 0 }
                var fastest = Duration.seconds(60)
                for _ in 0..<5 {
                    let began = ContinuousClock.now
                    try await world.commit(1, of: events[0])
                    try await world.broker.eventually("marked") { try await world.unpublished() == 0 }
                    fastest = min(fastest, began.duration(to: .now))
                }
                // The look that comes every second would take half of that on the average, and five in a row.
                #expect(fastest < .milliseconds(400))
            }
            await redis.close()
        }
    }

    @Test("the control: without the lease, two relays publish the same facts twice")
    func withoutLease() async throws {
        try await MessagingWorld.run { world in
            try await world.listen(to: "#")
            let event = EventID()
            try await world.commit(200, of: event)
            let gate = Gate(parties: 2)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<2 {
                    group.addTask {
                        try await world.database.database.session { session in
                            let all = Array(0..<OutboxStore.partitionCount)
                            let rows = try await OutboxStore().claim(partitions: all, limit: 1000, on: session)
                            // Both have claimed before either publishes: nothing but the lease keeps them apart.
                            await gate.pass()
                            let messages = try rows.map { row in
                                Message(
                                    exchange: world.names.events, routingKey: row.type,
                                    body: try CloudEvent(
                                        id: row.messageID, type: row.type, subject: event.description,
                                        time: row.occurredAt, sequence: row.sequence, traceparent: nil, data: row.data
                                    ).encoded())
                            }
                            for outcome in await world.publisher.publish(messages) { try outcome.get() }
                            try await OutboxStore().markPublished(rows.map(\.rowID), on: session)
                        }
                    }
                }
                try await group.waitForAll()
            }
            let consumer = world.broker.consumer(of: world.tail, prefetch: 500)
            let received = try Received(try await consumer.deliveries.take(400))
            #expect(received.duplicates == 200)
            // Even so nobody got a number that another has.
            #expect(Set(received.events.compactMap(\.sequence)) == Set(1...200))
            await consumer.close()
        }
    }
}

/// Lets nobody through before all have come.
actor Gate {
    private var missing: Int
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(parties: Int) { missing = parties }

    func pass() async {
        missing -= 1
        if missing > 0 { return await withCheckedContinuation { waiting.append($0) } }
        for continuation in waiting { continuation.resume() }
        waiting = []
    }
}
