import Domain
import FoundationEssentials
import Postgres
import Testing
import TestSupport

@Suite("Idempotency-Key over HTTP")
struct IdempotencyKeyTests {
    private func key(_ name: String = UUID().uuidString) -> [String: String] { ["Idempotency-Key": name] }

    private static func draft(_ title: String = "Concert") -> String {
        let (starts, ends) = (Timestamp.text(Date() + 604_800), Timestamp.text(Date() + 612_000))
        return #"{"title":"\#(title)","startsAt":"\#(starts)","endsAt":"\#(ends)","timeZone":"UTC","capacity":2}"#
    }

    @Test("a draft, an announcement and a check-in sent again get the same bytes, and happen once")
    func replays() async throws {
        try await APIWorld.run { api in
            let organizer = try await api.signUp("Olga", role: .organizer)
            let event = try await api.event(organizer.token)
            let cases: [(path: String, body: String, table: String)] = [
                ("/api/v1/events", Self.draft(), "events"),
                ("/api/v1/events/\(event)/announcements", #"{"title":"Doors","body":"Open"}"#, "announcements"),
                ("/api/v1/events/\(event)/check-ins", #"{"code":"0000-0000-0000"}"#, "check_ins"),
            ]
            for (path, body, label) in cases {
                let headers = key()
                func post(_ body: String) async throws -> Answer {
                    try await api.client.post(path, body, token: organizer.token, headers: headers)
                }
                let first = try await post(body)
                #expect((200...201).contains(first.status), "\(label): \(first.text)")
                #expect(first.headers["idempotency-replayed"] == nil)
                let again = try await post(body)
                #expect(again.status == first.status, "\(label)")
                #expect(again.body == first.body, "\(label)")
                #expect(again.headers["idempotency-replayed"] == "true", "\(label)")
                for name in ["location", "etag", "content-type"] {
                    #expect(again.headers[name] == first.headers[name], "\(label): \(name)")
                }
                let other = try await post(body + " ")
                #expect(other.problem == "idempotency-key-reused", "\(label)")
                #expect(other.status == 422)
            }
            let own = try await api.client.get("/api/v1/events?mine=true", token: organizer.token)
            #expect(own.text.occurrences(of: #""title":"#) == 2)
            let announcements = try await api.client.get("/api/v1/events/\(event)/announcements")
            #expect(announcements.text.occurrences(of: #""title":"#) == 1)
        }
    }

    @Test("of many at once under one key there is one effect; the others get its answer or hear that it is in flight")
    func atOnce() async throws {
        try await APIWorld.run { api in
            let organizer = try await api.signUp("Olga", role: .organizer)
            let (headers, body) = (key(), Self.draft())
            let answers = try await withThrowingTaskGroup(of: Answer.self) { group in
                for _ in 0..<12 {
                    group.addTask {
                        try await api.client.post("/api/v1/events", body, token: organizer.token, headers: headers)
                    }
                }
                return try await group.reduce(into: [Answer]()) { $0.append($1) }
            }
            let made = answers.filter { $0.status == 201 }
            #expect(Set(made.map(\.body)).count == 1)
            #expect(made.filter { $0.headers["idempotency-replayed"] == nil }.count == 1)
            for refused in answers where refused.status != 201 {
                #expect(refused.status == 409)
                #expect(refused.problem == "request-in-flight")
                #expect(refused.headers["retry-after"] == "1")
            }
            #expect(try await api.world.owner.read("SELECT 1 FROM events").count == 1)
        }
    }

    @Test("when the answer can't be kept there is no effect, and what was refused may be tried again")
    func faults() async throws {
        try await APIWorld.run { api in
            let organizer = try await api.signUp("Olga", role: .organizer)
            let headers = key()
            func post(_ body: String) async throws -> Answer {
                try await api.client.post("/api/v1/events", body, token: organizer.token, headers: headers)
            }
            #expect(try await post("{}").status == 422)
            #expect(try await post(Self.draft()).status == 201)
            try await IdempotencyTests.breakKeeping(api.world)
            let event = try await api.event(organizer.token)
            let count = try await api.world.owner.read("SELECT 1 FROM events").count
            for (path, body) in [
                ("/api/v1/events", Self.draft()),
                ("/api/v1/events/\(event)/announcements", #"{"title":"Doors","body":"Open"}"#),
                ("/api/v1/events/\(event)/registrations", "{}"),
            ] {
                let failed = try await api.client.post(path, body, token: organizer.token, headers: key())
                #expect(failed.status == 500, "\(path)")
            }
            #expect(try await api.world.owner.read("SELECT 1 FROM events").count == count)
            #expect(try await api.world.owner.read("SELECT 1 FROM announcements").isEmpty)
            #expect(try await api.world.owner.read("SELECT 1 FROM registrations").isEmpty)
        }
    }

    @Test("a key is 1 to 255 visible ASCII characters")
    func names() async throws {
        try await APIWorld.run { api in
            let organizer = try await api.signUp("Olga", role: .organizer)
            for (name, status) in [
                (String(repeating: "k", count: 256), 422), ("a b", 422), ("é", 422),
                (String(repeating: "k", count: 255), 201), (#""quoted""#, 201),
            ] {
                let answer = try await api.client.post(
                    "/api/v1/events", Self.draft(), token: organizer.token, headers: key(name))
                #expect(answer.status == status, "\(name.prefix(20)): \(answer.text)")
                if status == 422 { #expect(answer.fields == ["Idempotency-Key"]) }
            }
        }
    }
}

extension String {
    /// How often `part` occurs.
    func occurrences(of part: String) -> Int { ranges(of: part).count }
}
