import Domain
import FoundationEssentials
import Messaging
import Persistence
import Postgres
import TestSupport
import Testing

@Suite("After the broker lost its queues")
struct ReconciliationTests {
    private static let owed = WorkerQueue.all.flatMap(\.owed)

    private func reconcile(
        _ world: TestWorld, since: Date = Date() - 29 * 86_400, limit: Int = 7, isTrial: Bool = false
    ) async throws -> [String: Int] {
        var (row, again) = (0, [String: Int]())
        while true {
            let step = try await world.database.transaction { [row] in
                try await OutboxStore().reconcile(
                    Self.owed, since: since, after: row, limit: limit, isTrial: isTrial, on: $0)
            }
            again.merge(step.again, uniquingKeysWith: +)
            guard let last = step.last else { return again }
            row = last
        }
    }

    private func unpublished(_ world: TestWorld) async throws -> [MessageID] {
        try await world.database.read("SELECT message_id FROM outbox WHERE published_at IS NULL ORDER BY id")
            .map { try $0.decode("message_id") }
    }

    @Test("what no worker is known to have had is published again, and nothing else; twice is as good as once")
    func missing() async throws {
        try await TestWorld.run { world in
            let event = EventID()
            func fact(_ type: MessageType) throws -> OutboxEntry {
                try .fact(type, event: event, owner: UserID(), ["number": 1])
            }
            let had = try (0..<10).map { _ in try fact(.registrationConfirmed) }
            let lost = try (0..<10).map { _ in try fact(.registrationConfirmed) }
            // Of no worker's interest; and one that went to the other worker only.
            let others = [try fact(.announcementPosted), try fact(.ticketIssued)]
            let mail = try OutboxEntry.work(.mailSend, event: event, ["number": 2])
            let old = try fact(.registrationConfirmed)
            let all = had + lost + others + [mail, old]
            try await world.database.transaction { transaction in
                try await OutboxStore().append(all, on: transaction)
                _ = try await InboxStore().record(had.map(\.id), consumer: "ticket-worker.issue", on: transaction)
                _ = try await InboxStore().record(
                    [others[1].id, mail.id], consumer: "ticket-worker.issue", on: transaction)
            }
            try await world.owner.execute("UPDATE outbox SET published_at = now(), sequence = id")
            try await world.owner.execute(
                "UPDATE outbox SET occurred_at = now() - interval '30 days' WHERE message_id = \(old.id)")

            let counts = [
                "em.registration.confirmed": 10, "em.ticket.issued": 1, WorkType.mailSend.rawValue: 1,
            ]
            #expect(try await reconcile(world, isTrial: true) == counts)
            #expect(try await unpublished(world).isEmpty)
            #expect(try await reconcile(world) == counts)
            let again = lost.map(\.id) + [others[1].id, mail.id]
            #expect(try await unpublished(world) == again)
            let sequences = try await world.database.read("SELECT count(*) AS kept FROM outbox WHERE sequence = id")
            #expect(try sequences.first?.decode("kept", as: Int.self) == all.count)
            #expect(try await reconcile(world).isEmpty)
        }
    }

    @Test("a dead letter that was thrown away does not come back")
    func discarded() async throws {
        try await TestWorld.run { world in
            let entry = try OutboxEntry.work(.mailSend, event: nil, ["number": 1])
            try await world.database.transaction { try await OutboxStore().append([entry], on: $0) }
            try await world.owner.execute("UPDATE outbox SET published_at = now()")
            try await world.database.session { session in
                try await DeadLetterStore(world.database).record(
                    .discard, letter: UUID(), messageID: entry.id.description, queue: "notifications.mail", by: nil,
                    on: session)
            }
            #expect(try await reconcile(world).isEmpty)
        }
    }
}
