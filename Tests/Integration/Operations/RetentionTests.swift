import Domain
import FoundationEssentials
import Persistence
import Postgres
import TestSupport
import Testing

@Suite("What delivery forgets")
struct RetentionTests {
    private func prune(
        _ world: TestWorld, _ step: @escaping (Transaction) async throws -> Int
    ) async throws -> Int { try await world.database.transaction { try await step($0) } }

    @Test("the event log loses its oldest published rows, a few at a time, and nothing that is still owed")
    func log() async throws {
        try await TestWorld.run { world in
            let event = EventID()
            let entries = try (0..<30).map { number in
                try OutboxEntry.fact(.announcementPosted, event: event, owner: UserID(), ["number": number])
            }
            try await world.database.transaction { try await OutboxStore().append(entries, on: $0) }
            // Two thirds are old, of which the first ten are still owed: five to the broker, five to the browsers.
            try await world.owner.execute(
                """
                UPDATE outbox SET occurred_at = now() - interval '100 days', sequence = id,
                    published_at = CASE WHEN message_id = ANY(\(entries.prefix(5).map(\.id))) THEN NULL ELSE now() END,
                    live_at = CASE WHEN message_id = ANY(\(entries[5..<10].map(\.id))) THEN NULL ELSE now() END
                WHERE message_id = ANY(\(entries.prefix(20).map(\.id)))
                """)
            let limit = Date() - 90 * 86_400
            #expect(try await prune(world) { try await OutboxStore().prune(before: limit, limit: 4, on: $0) } == 4)
            #expect(try await prune(world) { try await OutboxStore().prune(before: limit, limit: 1000, on: $0) } == 6)
            #expect(try await prune(world) { try await OutboxStore().prune(before: limit, limit: 1000, on: $0) } == 0)
            let left = try await world.owner.read("SELECT count(*) AS count FROM outbox").first?.decode(
                "count", as: Int.self)
            #expect(left == 20)
        }
    }

    @Test("jobs and live updates that are done leave after a day, in steps; facts and what is still owed stay")
    func done() async throws {
        try await TestWorld.run { world in
            let event = EventID()
            let entries = try (0..<40).map { number -> OutboxEntry in
                let data = ["number": number]
                return switch number % 4 {
                case 0: try .work(.mailSend, event: event, data)
                case 1: try .live(.mailingChanged, event: event, data)
                default: try .fact(.announcementPosted, event: event, owner: UserID(), data)
                }
            }
            try await world.database.transaction { try await OutboxStore().append(entries, on: $0) }
            // The first half is old; the first job is still owed to the broker.
            try await world.owner.execute(
                """
                UPDATE outbox SET published_at = now(), live_at = now(), sequence = id,
                    occurred_at = CASE WHEN message_id = ANY(\(entries.prefix(20).map(\.id)))
                        THEN now() - interval '2 days' ELSE now() END
                """)
            try await world.owner.execute(
                "UPDATE outbox SET published_at = NULL WHERE message_id = \(entries[0].id)")
            func left() async throws -> Set<MessageID> {
                Set(try await world.owner.execute("SELECT message_id FROM outbox").map { try $0.decode("message_id") })
            }
            let limit = Date() - 86_400
            let removals = [3, 3, 1000]
            var removed = 0
            for step in removals {
                removed += try await prune(world) {
                    try await OutboxStore().pruneDone(before: limit, limit: step, on: $0)
                }
            }
            #expect(removed == 9)
            var stay: Set<MessageID> = []
            for (number, entry) in entries.enumerated() where number == 0 || number >= 20 || number % 4 > 1 {
                stay.insert(entry.id)
            }
            #expect(try await left() == stay)
            // What grows old behind them leaves in its turn.
            try await world.owner.execute("UPDATE outbox SET occurred_at = now() - interval '2 days'")
            removed = try await prune(world) {
                try await OutboxStore().pruneDone(before: limit, limit: 1000, on: $0)
            }
            #expect(removed == 10)
        }
    }

    @Test("the inbox forgets after its time, and what is young stays known")
    func inbox() async throws {
        try await TestWorld.run { world in
            let ids = (0..<10).map { _ in MessageID() }
            try await world.database.transaction { transaction in
                for id in ids { _ = try await InboxStore().record(id, consumer: "test", on: transaction) }
            }
            try await world.owner.execute(
                """
                UPDATE inbox SET processed_at = now() - interval '31 days' WHERE message_id = ANY(\(ids.prefix(6).map { $0 }))
                """)
            let limit = Date() - 30 * 86_400
            #expect(try await prune(world) { try await InboxStore().prune(before: limit, limit: 4, on: $0) } == 4)
            #expect(try await prune(world) { try await InboxStore().prune(before: limit, limit: 4, on: $0) } == 2)
            let known = try await world.database.transaction { transaction in
                try await InboxStore().record(ids[9], consumer: "test", on: transaction)
            }
            #expect(!known)
        }
    }
}
