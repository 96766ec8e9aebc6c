import Domain
import FoundationEssentials
import Persistence
import Postgres
import TestSupport
import Testing

@Suite("Searching as people read")
struct SearchTests {
    @Test("case, accents, width and ligatures don't count, and every word has to be there, wherever it stands")
    func folding() async throws {
        try await TestWorld.run { world in
            let owner = try await world.person("Olga", role: .organizer)
            func event(_ title: String, _ venue: String) async throws {
                let id = try await world.event(of: owner, capacity: 5)
                try await world.database.execute(
                    "UPDATE events SET title = \(title), venue = \(venue), description = '' WHERE id = \(id)")
            }
            try await event("Café Philo", "Lange Straße 5")
            try await event("Swift Meetup", "Kulturbrauerei, Berlin")
            try await event("Ｊａｚｚ 100 %", "Łódź")
            func found(_ query: String) async throws -> [String] {
                let page = try await world.events.listPublished(
                    query: query, from: nil, to: nil, now: Date(), after: nil, limit: 10)
                return page.items.map(\.details.title).sorted()
            }
            for query in ["cafe", "CAFÉ", "cafe\u{301}", "strasse", "STRASSE", "straße philo", "phil lange"] {
                #expect(try await found(query) == ["Café Philo"], "\(query)")
            }
            #expect(try await found("Swift Berlin") == ["Swift Meetup"])
            #expect(try await found("berlin  swift") == ["Swift Meetup"])
            #expect(try await found("Swift Paris") == [])
            for query in ["jazz", "lodz", "ŁÓDŹ", "ｊａｚｚ", "100 %", "%"] {
                #expect(try await found(query) == ["Ｊａｚｚ 100 %"], "\(query)")
            }
            #expect(try await found("_") == [])
        }
    }

    @Test("people are found by their names as others spell them, and sorted as readers expect")
    func people() async throws {
        try await TestWorld.run { world in
            let owner = try await world.person("Olga", role: .organizer)
            let event = try await world.event(of: owner, capacity: 10)
            for name in ["Zoë", "Łukasz", "émile", "Zeno", "Anna", "Émile"] {
                _ = try await world.register(try await world.person(name), for: event)
            }
            func names(_ query: String?) async throws -> [String] {
                var names: [String] = []
                var after: PageKey?
                repeat {
                    let page = try await world.registrations.attendees(
                        of: event, query: query, status: nil, order: .name, after: after, limit: 2)
                    names += page.items.map(\.displayName)
                    after = page.next
                } while after != nil
                return names
            }
            #expect(try await names(nil) == ["Anna", "émile", "Émile", "Łukasz", "Zeno", "Zoë"])
            #expect(try await names("lukasz") == ["Łukasz"])
            #expect(try await names("EMILE") == ["émile", "Émile"])
            #expect(try await world.users.list(query: "zoe", after: nil, limit: 5).items.map(\.displayName) == ["Zoë"])
        }
    }

    @Test("attendees are found by how the code of a ticket of theirs begins, at this event alone")
    func codes() async throws {
        try await GateWorld.run(tickets: 3, codes: ["7K3M-Q9XT-2VHD", "7K3M-0000-0000", "ADAA-0000-0000"]) { gate in
            let world = gate.world
            let other = try await world.event(of: gate.owner, capacity: 1)
            _ = try await world.issue(
                for: try await world.register(try await world.person("Else"), for: other), code: "7K3M-1111-1111")
            let ada = try await world.register(
                try await world.person("Ada Adaaski"), for: try await world.event(of: gate.owner, capacity: 1))
            func found(_ query: String, at event: EventID? = nil) async throws -> [String] {
                try await world.registrations.attendees(
                    of: event ?? gate.event, query: query, status: nil, order: .name, after: nil, limit: 5
                ).items.map(\.displayName)
            }
            #expect(try await found("7k3m") == ["Guest 0", "Guest 1"])
            #expect(try await found(" 7k3m q9 ") == ["Guest 0"])
            #expect(try await found("7K3M-Q9XT-2VHD") == ["Guest 0"])
            for query in ["7K3", "7K4M", "guest 7k3m"] { #expect(try await found(query) == [], "\(query)") }
            // What may be a name or a code is both.
            #expect(try await found("adaa") == ["Guest 2"])
            #expect(try await found("adaa", at: ada.eventID) == ["Ada Adaaski"])
        }
    }

    @Test("what very many have in common is found as well, page by page")
    func common() async throws {
        try await TestWorld.run { world in
            let owner = try await world.person("Olga", role: .organizer)
            var expected: Set<EventID> = []
            for _ in 0..<3 {
                let id = try await world.event(of: owner, capacity: 10)
                try await world.database.execute("UPDATE events SET title = 'Common' WHERE id = \(id)")
                expected.insert(id)
            }
            let crowded = try #require(expected.first)
            for name in ["Common Ann", "Bob", "Common Cleo"] {
                _ = try await world.register(try await world.person(name), for: crowded)
            }
            func names() async throws -> [String] {
                try await world.registrations.attendees(
                    of: crowded, query: "common", status: nil, order: .name, after: nil, limit: 5
                ).items.map(\.displayName)
            }
            func events() async throws -> [EventID] {
                var (found, after): ([EventID], PageKey?) = ([], nil)
                repeat {
                    let page = try await world.events.listPublished(
                        query: "common", from: nil, to: nil, now: Date(), after: after, limit: 2)
                    found += page.items.map(\.id)
                    after = page.next
                } while after != nil
                return found
            }
            let (fewNames, fewEvents) = (try await names(), try await events())
            #expect(fewNames == ["Common Ann", "Common Cleo"])
            #expect(Set(fewEvents) == expected && fewEvents.count == 3)
            // A thousand more, at no event; and events behind these.
            try await world.owner.execute(
                """
                INSERT INTO users (id, email, display_name, password_hash)
                SELECT gen_random_uuid(), 'common-' || n || '@example.test', 'Common', '-' FROM generate_series(1, 1000) n
                """)
            try await world.owner.execute(
                """
                WITH made AS (
                    INSERT INTO events (id, owner_id, title, description, venue, starts_at, ends_at, time_zone,
                        waitlist_enabled, status, published_at)
                    SELECT gen_random_uuid(), \(owner.id), 'Common', '', '', now() + interval '9 days',
                        now() + interval '10 days', 'UTC', false, 'published', now() FROM generate_series(1, 1000)
                    RETURNING id
                )
                INSERT INTO event_places (event_id, capacity) SELECT id, 1 FROM made
                """)
            #expect(try await names() == fewNames)
            #expect(Array(try await events().prefix(3)) == fewEvents)
        }
    }
}
