@testable import api_service
import Domain
import FoundationEssentials
import Persistence
import Postgres
import Testing
import TestSupport

@Suite("The event log over HTTP")
struct MessageLogTests {
    /// Writes messages about an event into the log, as the relay leaves them; those in `unpublished` are still to go.
    private func fill(
        _ sequences: ClosedRange<Int>, of event: String, in world: TestWorld, unpublished: Set<Int> = []
    ) async throws {
        let id = try #require(EventID(event))
        for sequence in sequences {
            let isPublished = !unpublished.contains(sequence)
            let data = #"{"eventId":"\#(event)","number":\#(sequence)}"#
            _ = try await world.owner.session { session in
                try await session.query(
                    """
                    INSERT INTO outbox (message_id, partition, destination, type, event_id, data, sequence, published_at, live_at)
                    VALUES (\(MessageID()), 0, 'events', 'em.event.updated', \(id), \(data)::text::jsonb, \(sequence),
                        CASE WHEN \(isPublished) THEN now() END, now())
                    """)
            }
        }
        _ = try await world.owner.session { session in
            try await session.query(
                """
                INSERT INTO outbox_sequences (event_id, last) VALUES (\(id), \(sequences.upperBound))
                ON CONFLICT (event_id) DO UPDATE SET last = excluded.last
                """)
        }
    }

    private struct Log: Decodable {
        struct Item: Decodable {
            var sequence: String
            var subject: String
        }
        var items: [Item]
        var nextCursor: String?

        var sequences: [Int] { items.compactMap { Int($0.sequence) } }
    }

    private func read(_ world: APIWorld, _ event: String, _ rest: String = "", _ token: String) async throws -> Log {
        let answer = try await world.client.get("/api/v1/messages?eventId=\(event)\(rest)", token: token)
        #expect(answer.status == 200)
        return try WireJSON.decode(Log.self, from: answer.body)
    }

    /// An event whose own messages are out of the way.
    private func quietEvent(_ api: APIWorld, _ token: String) async throws -> String {
        let event = try await api.event(token)
        _ = try await api.world.owner.session { try await $0.query("DELETE FROM outbox") }
        return event
    }

    @Test("pages follow one another without gap or repetition")
    func pages() async throws {
        try await APIWorld.run { api in
            let organizer = try await api.signUp(role: .organizer)
            let event = try await quietEvent(api, organizer.token)
            try await fill(1...12, of: event, in: api.world)
            var seen: [Int] = []
            var after = "0"
            for _ in 0..<10 {
                let page = try await read(api, event, "&limit=5&after=\(after)", organizer.token)
                seen += page.sequences
                #expect(page.items.allSatisfy { $0.subject == event })
                guard let next = page.nextCursor else { break }
                after = next
            }
            #expect(seen == Array(1...12))
            #expect(try await read(api, event, "&after=12", organizer.token).items.isEmpty)
        }
    }

    @Test("what is published behind something that is not stays out of sight")
    func unpublished() async throws {
        try await APIWorld.run { api in
            let organizer = try await api.signUp(role: .organizer)
            let event = try await quietEvent(api, organizer.token)
            try await fill(1...6, of: event, in: api.world, unpublished: [4])
            let page = try await read(api, event, "&after=1", organizer.token)
            #expect(page.sequences == [2, 3])
            #expect(page.nextCursor == nil)
        }
    }

    @Test("who asks for what is gone hears 410 and where to go on")
    func pruned() async throws {
        try await APIWorld.run { api in
            let organizer = try await api.signUp(role: .organizer)
            let event = try await quietEvent(api, organizer.token)
            try await fill(1...6, of: event, in: api.world)
            func remove(_ sequences: [Int]) async throws {
                _ = try await api.world.owner.session {
                    try await $0.query("DELETE FROM outbox WHERE sequence = ANY(\(sequences))")
                }
            }
            func oldest(_ after: Int) async throws -> String? {
                let answer = try await api.client.get(
                    "/api/v1/messages?eventId=\(event)&after=\(after)", token: organizer.token)
                #expect(answer.status == 410)
                #expect(answer.string("type") == "messages-pruned")
                return answer.string("oldest")
            }
            try await remove([1, 2, 4])
            #expect(try await oldest(0) == "3")
            #expect(try await read(api, event, "&after=2", organizer.token).sequences == [3])
            #expect(try await oldest(3) == "5")
            #expect(try await read(api, event, "&after=4", organizer.token).sequences == [5, 6])
            try await remove([3, 5, 6])
            #expect(try await oldest(0) == "7")
            #expect(try await read(api, event, "&after=6", organizer.token).items.isEmpty)
        }
    }

    @Test("without an event, or with numbers that are none, it is 422")
    func invalid() async throws {
        try await APIWorld.run { api in
            let organizer = try await api.signUp(role: .organizer)
            for query in ["", "?eventId=x", "?eventId=\(EventID())&after=-1", "?eventId=\(EventID())&limit=501"] {
                #expect(try await api.client.get("/api/v1/messages\(query)", token: organizer.token).status == 422)
            }
            let unknown = try await api.client.get("/api/v1/messages?eventId=\(EventID())", token: organizer.token)
            #expect(unknown.status == 404)
        }
    }
}
