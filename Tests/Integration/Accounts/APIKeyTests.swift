@testable import api_service
import Domain
import FoundationEssentials
import Persistence
import Postgres
import Synchronization
import Testing
import TestSupport

@Suite("API keys over HTTP")
struct APIKeyTests {
    private struct Made {
        var id: String
        var key: String
    }

    private func make(
        _ world: APIWorld, _ token: String, _ scopes: [String], expiresAt: Date? = nil
    ) async throws -> Made {
        let names = scopes.map { "\"\($0)\"" }.joined(separator: ",")
        let expiry = expiresAt.map { #","expiresAt":"\#(Timestamp.text($0))""# } ?? ""
        let answer = try await world.client.post(
            "/api/v1/api-keys", #"{"name":"Printer","scopes":[\#(names)]\#(expiry)}"#, token: token)
        #expect(answer.status == 201)
        return Made(id: answer.string("id") ?? "", key: answer.string("key") ?? "")
    }

    @Test("a key acts for its person within its scopes, and nowhere else")
    func scopes() async throws {
        try await APIWorld.run { api in
            let organizer = try await api.signUp(role: .organizer)
            let event = try await api.event(organizer.token)
            let made = try await make(api, organizer.token, ["registrations:read"])
            #expect(made.key.hasPrefix("emk_"))
            #expect(try await api.client.get("/api/v1/events/\(event)/registrations", token: made.key).status == 200)
            let refused = try await api.client.get("/api/v1/events/\(event)/stats", token: made.key)
            #expect(refused.status == 403)
            #expect(refused.problem == "scope-missing")
            #expect(refused.string("scope") == "events:read")
            // What no key may do, whatever its scopes.
            for path in ["/api/v1/me", "/api/v1/api-keys", "/api/v1/me/sessions", "/api/v1/events/\(event)/members"] {
                let answer = try await api.client.get(path, token: made.key)
                #expect(answer.status == 403, "\(path)")
                #expect(answer.problem == "scope-missing")
                #expect(answer["scope"] == nil)
            }
            // Where it has the scope, the role still counts.
            let stranger = try await api.signUp()
            let theirs = try await make(api, stranger.token, ["registrations:read", "events:write"])
            let foreign = try await api.client.get("/api/v1/events/\(event)/registrations", token: theirs.key)
            #expect(foreign.problem == "forbidden")
        }
    }

    @Test("a revoked key opens nothing any more, an expired or invented one neither")
    func refused() async throws {
        let clock = Clock()
        try await APIWorld.run(clock: { clock.now }) { api in
            let person = try await api.signUp()
            let kept = try await make(api, person.token, ["events:read"], expiresAt: Date() + 3600)
            let made = try await make(api, person.token, ["events:read"])
            func status(_ key: String) async throws -> Int {
                try await api.client.get("/api/v1/events", token: key).status
            }
            #expect(try await status(made.key) == 200)
            for _ in 0..<2 {
                let revoked = try await api.client.send("DELETE", "/api/v1/api-keys/\(made.id)", token: person.token)
                #expect(revoked.status == 200)
                #expect(revoked.string("status") == "revoked")
                #expect(revoked["key"] == nil)
            }
            #expect(try await status(made.key) == 401)
            #expect(try await status(kept.key.dropLast() + (kept.key.hasSuffix("A") ? "E" : "A")) == 401)
            #expect(try await status("emk_short") == 401)
            #expect(try await status(kept.key) == 200)
            clock.advance(by: 3601)
            #expect(try await status(kept.key) == 401)
        }
    }

    @Test("one request has one key, shown once; nobody else sees or ends it")
    func secrecy() async throws {
        try await APIWorld.run { api in
            let person = try await api.signUp()
            let other = try await api.signUp()
            let body = #"{"name":"Printer","scopes":["events:read"]}"#
            let first = try await api.client.post(
                "/api/v1/api-keys", body, token: person.token, headers: ["Idempotency-Key": "one"])
            let again = try await api.client.post(
                "/api/v1/api-keys", body, token: person.token, headers: ["Idempotency-Key": "one"])
            let key = try #require(first.string("key"))
            #expect(again.status == 201)
            #expect(again.string("id") == first.string("id"))
            #expect(again["key"] == nil)
            let list = try await api.client.get("/api/v1/api-keys", token: person.token)
            #expect(list.text.contains(first.string("id") ?? "?"))
            #expect(!list.text.contains(key))
            #expect(try await api.client.get("/api/v1/api-keys", token: other.token)["items"] == .array([]))
            let foreign = try await api.client.send(
                "DELETE", "/api/v1/api-keys/\(first.string("id") ?? "")", token: other.token)
            #expect(foreign.status == 404)
            // No row holds it.
            let secret = "%" + key.suffix(43) + "%"
            let rows = try await api.world.owner.read(
                """
                SELECT 1 FROM api_keys t WHERE t::text LIKE \(secret)
                UNION ALL SELECT 1 FROM idempotency_keys t WHERE t::text LIKE \(secret)
                UNION ALL SELECT 1 FROM audit_contents t WHERE t::text LIKE \(secret)
                """)
            #expect(rows.isEmpty)
        }
    }

    @Test("a key has a limit of its own, and the answer says how it stands")
    func limit() async throws {
        let clock = Clock()
        clock.freeze()
        try await APIWorld.run(clock: { clock.now }) { api in
            let person = try await api.signUp()
            let one = try await make(api, person.token, ["events:read"])
            let two = try await make(api, person.token, ["events:read"])
            for _ in 0..<Int(KeyLimiter.burst) {
                #expect(try await api.client.get("/api/v1/events?limit=1", token: one.key).status == 200)
            }
            let refused = try await api.client.get("/api/v1/events?limit=1", token: one.key)
            #expect(refused.status == 429)
            #expect(refused.problem == "too-many-requests")
            #expect(refused.headers["retry-after"] == "1")
            let other = try await api.client.get("/api/v1/events?limit=1", token: two.key)
            #expect(other.status == 200)
            #expect(other.headers["ratelimit"] == #""api-key";r=199;t=0"#)
            clock.advance(by: 0.5)
            let later = try await api.client.get("/api/v1/events?limit=1", token: one.key)
            #expect(later.headers["ratelimit"] == #""api-key";r=9;t=0"#)
        }
    }

    @Test("keys go with their person's account")
    func erasure() async throws {
        try await APIWorld.run { api in
            let person = try await api.signUp()
            let made = try await make(api, person.token, ["events:read"])
            let gone = try await api.client.send(
                "DELETE", "/api/v1/me", token: person.token, headers: ["Content-Type": "application/json"],
                body: Array(#"{"password":"\#(APIWorld.password)"}"#.utf8))
            #expect(gone.status == 204)
            #expect(try await api.client.get("/api/v1/events", token: made.key).status == 401)
        }
    }

    @Test("what a key must be made of is said field by field")
    func invalid() async throws {
        try await APIWorld.run { api in
            let person = try await api.signUp()
            let answer = try await api.client.post(
                "/api/v1/api-keys", #"{"name":"","scopes":["everything"],"expiresAt":"2020-01-01T00:00:00Z"}"#,
                token: person.token)
            #expect(answer.status == 422)
            #expect(Set(answer.fields) == ["name", "scopes", "expiresAt"])
        }
    }
}

/// A clock that tests turn on.
private final class Clock: Sendable {
    private struct State {
        var offset: TimeInterval = 0
        var frozen: Date?
    }

    private let state = Mutex(State())

    var now: Date { state.withLock { ($0.frozen ?? Date()) + $0.offset } }

    func advance(by seconds: TimeInterval) { state.withLock { $0.offset += seconds } }

    func freeze() { state.withLock { $0.frozen = Date() } }
}
