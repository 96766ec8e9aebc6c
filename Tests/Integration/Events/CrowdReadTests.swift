@testable import api_service
import Domain
import FoundationEssentials
import Postgres
import Testing
import TestSupport

@Suite("Reads under a crowd, over HTTP")
struct CrowdReadTests {
    /// Each takes a thread. 200 are tried in `EventCacheTests`.
    private static let readers = 60

    @Test("an unchanged event or list answers 304, a place taken changes both tags")
    func notModified() async throws {
        try await APIWorld.run { api in
            let organizer = try await api.signUp("Olga", role: .organizer)
            let user = try await api.signUp()
            let path = "/api/v1/events/\(try await api.event(organizer.token))"
            for path in [path, "/api/v1/events"] {
                let first = try await api.client.get(path)
                let tag = try #require(first.headers["etag"])
                #expect(first.headers["cache-control"] == "public, max-age=0, must-revalidate")
                #expect(first.headers["vary"] == "Authorization")
                #expect(first.headers["x-accel-expires"]?.hasPrefix("@") == true)
                for known in [tag, "W/\(tag)", "\"x\", \(tag)"] {
                    let again = try await api.client.get(path, headers: ["If-None-Match": known])
                    #expect(again.status == 304, "\(path) \(known)")
                    #expect(again.body.isEmpty)
                    #expect(again.headers["etag"] == tag)
                }
                let own = try await api.client.get(path, token: user.token)
                #expect(own.body == first.body)
                #expect(own.headers["cache-control"] == "private, max-age=0, must-revalidate")
                #expect(own.headers["x-accel-expires"] == nil)
                #expect(
                    try await api.client.get(path, token: user.token, headers: ["If-None-Match": tag]).status == 304)
            }
            let before = (try await api.client.get(path).headers["etag"], try await listTag(api))
            #expect(try await api.client.post("\(path)/registrations", token: user.token).status == 201)
            // The instance's own write, at once.
            let after = try await api.client.get(path, headers: ["If-None-Match": before.0 ?? ""])
            #expect(after.status == 200)
            #expect(after.int("confirmed") == 1)
            #expect(after.headers["etag"] != before.0)
            #expect(try await listTag(api) != before.1)
        }
    }

    private func listTag(_ api: APIWorld) async throws -> String? {
        try await api.client.get("/api/v1/events").headers["etag"]
    }

    @Test("If-Match takes the version alone, the whole tag and a weakened one, also after a place was taken")
    func ifMatch() async throws {
        try await APIWorld.run { api in
            let organizer = try await api.signUp("Olga", role: .organizer)
            let path = "/api/v1/events/\(try await api.event(organizer.token))"
            var tag = try #require(try await api.client.get(path).headers["etag"])
            _ = try await api.client.post("\(path)/registrations", token: organizer.token)
            for (title, form) in [
                ("One", { tag in tag }), ("Two", { tag in "W/\(tag)" }),
                ("Three", { tag in "\"\(tag.dropFirst().prefix { $0 != "." })\"" }),
            ] as [(String, (String) -> String)] {
                let edited = try await api.client.patch(
                    path, #"{"title":"\#(title)"}"#, token: organizer.token, headers: ["If-Match": form(tag)])
                #expect(edited.status == 200, "\(form(tag)): \(edited.text)")
                // The instance's own write, at once, under the tag that the edit answered with.
                let shown = try await api.client.get(path)
                #expect(shown.string("title") == title)
                #expect(shown.headers["etag"] == edited.headers["etag"])
                let stale = try await api.client.patch(
                    path, #"{"title":"Lost"}"#, token: organizer.token, headers: ["If-Match": form(tag)])
                #expect(stale.problem == "version-mismatch")
                tag = try #require(shown.headers["etag"])
            }
        }
    }

    @Test("many readers at once ask the database once a second, not once each")
    func singleFlight() async throws {
        try await APIWorld.run { api in
            let organizer = try await api.signUp("Olga", role: .organizer)
            let id = try await api.event(organizer.token)
            for path in ["/api/v1/events/\(id)", "/api/v1/events?limit=50"] {
                let before = try await statistics(api)
                let start = ContinuousClock.now
                let answers = try await withThrowingTaskGroup(of: Answer.self) { group in
                    for _ in 0..<Self.readers { group.addTask { try await api.client.get(path) } }
                    return try await group.reduce(into: [Answer]()) { $0.append($1) }
                }
                let seconds = Int(start.duration(to: .now).components.seconds) + 2
                #expect(Set(answers.map(\.status)) == [200])
                #expect(Set(answers.map(\.body)).count == 1)
                let after = try await statistics(api)
                #expect(after.loads - before.loads <= seconds)
                #expect(
                    after.loads + after.joins + after.hits - before.loads - before.joins - before.hits == Self.readers)
            }
        }
    }

    /// As the metrics show them.
    private func statistics(_ api: APIWorld) async throws -> EventCache.Statistics {
        let lines = try await api.client.get("/metrics").text.split(separator: "\n")
        func value(_ answer: String) -> Int {
            let line = lines.first { $0.hasPrefix("em_event_cache_reads_total{answer=\"\(answer)\"}") }
            return line.flatMap { $0.split(separator: " ").last }.flatMap { Double($0) }.map(Int.init) ?? -1
        }
        return EventCache.Statistics(hits: value("hit"), joins: value("join"), loads: value("load"))
    }

    @Test("drafts are never kept: their people see them, nobody else, and the public once they are published")
    func drafts() async throws {
        try await APIWorld.run { api in
            let organizer = try await api.signUp("Olga", role: .organizer)
            let id = try await api.draft(organizer.token)
            let path = "/api/v1/events/\(id)"
            for _ in 0..<2 {
                #expect(try await api.client.get(path).status == 404)
                let own = try await api.client.get(path, token: organizer.token)
                #expect(own.status == 200)
                #expect(own.headers["cache-control"] == "no-store")
            }
            let mine = try await api.client.get("/api/v1/events?mine=true", token: organizer.token)
            #expect(mine.text.contains(id))
            #expect(mine.headers["x-accel-expires"] == nil)
            #expect(try await !api.client.get("/api/v1/events").text.contains(id))
            _ = try await api.client.post("\(path)/publish", token: organizer.token)
            #expect(try await api.client.get(path).string("status") == "published")
            #expect(try await api.client.get("/api/v1/events").text.contains(id))
            _ = try await api.client.post("\(path)/cancel", token: organizer.token)
            #expect(try await api.client.get(path).string("status") == "cancelled")
            #expect(try await !api.client.get("/api/v1/events").text.contains(id))
        }
    }
}
