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
            #expect(try await prune(world) { try await OutboxStore().prune(before: limit, limit: 14, on: $0) } == 4)
            #expect(try await prune(world) { try await OutboxStore().prune(before: limit, limit: 1000, on: $0) } == 6)
            #expect(try await prune(world) { try await OutboxStore().prune(before: limit, limit: 1000, on: $0) } == 0)
            let left = try await world.owner.read("SELECT count(*) AS count FROM outbox").first?.decode(
                "count", as: Int.self)
            #expect(left == 20)
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
