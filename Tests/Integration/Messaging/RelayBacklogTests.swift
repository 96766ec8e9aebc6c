import AMQP
import Domain
import Messaging
import Persistence
import Postgres
import Redis
import TestSupport
import Testing

@Suite("The outbox relay with a backlog", .serialized)
struct RelayBacklogTests {
    @Test(
        "batches leave in order, each claimed while the one before is on its way; what is refused holds back its event")
    func batches() async throws {
        try await MessagingWorld.run { world in
            try await world.listen(to: "em.registration.*")
            let redis = try world.redis()
            let free = (0..<3).map { _ in EventID() }
            let stuck = EventID()
            let rows = try await commit(900, ofEach: free + [stuck], world)
            // In the second batch, of a type that no queue is bound to.
            let refused = try #require(rows.filter { $0.eventID == stuck }.dropFirst(299).first)
            try await world.database.owner.execute(
                "UPDATE outbox SET type = 'em.test.unbound' WHERE message_id = \(refused.id)")
            let consumer = world.broker.consumer(of: world.tail, prefetch: 1000)
            try await world.running([world.relay(redis: redis)]) {
                let first = try await Received([], untilDistinct: 3 * 900 + 299, from: consumer.deliveries)
                try await world.broker.eventually("the rest is held back") { try await world.unpublished() == 601 }
                for event in free { #expect(first.sequences(of: event) == Array(1...900)) }
                #expect(first.sequences(of: stuck) == Array(1...299))
                try await world.listen(to: "em.test.unbound")
                let rest = try await Received([], untilDistinct: 601, from: consumer.deliveries)
                #expect(rest.sequences(of: stuck).filter { $0 > 299 } == Array(300...900))
                #expect(rest.events.first { $0.sequence == 300 }?.id == refused.id)
                try await world.broker.eventually("all marked") { try await world.unpublished() == 0 }
            }
            await consumer.close()
            await redis.close()
        }
    }

    /// Commits facts of several events in turn, all at once.
    private func commit(_ count: Int, ofEach events: [EventID], _ world: MessagingWorld) async throws -> [OutboxEntry] {
        var entries: [OutboxEntry] = []
        for number in 1...count {
            for event in events {
                entries.append(
                    try .fact(
                        .registrationConfirmed, event: event, owner: UserID(),
                        RegistrationData(
                            eventId: event, registrationId: RegistrationID(), userId: UserID(), status: .confirmed,
                            places: Places(revision: number, confirmed: number, waitlisted: 0, capacity: 10_000))))
            }
        }
        let all = entries
        try await world.database.database.transaction { try await OutboxStore().append(all, on: $0) }
        return all
    }
}
