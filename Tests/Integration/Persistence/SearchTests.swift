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
}
