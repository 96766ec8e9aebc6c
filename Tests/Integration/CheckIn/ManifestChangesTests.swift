import Domain
import FoundationEssentials
import Persistence
import Postgres
import TestSupport
import Testing

@testable import api_service

@Suite("What changed since a gate's manifest")
struct ManifestChangesTests {
    /// A gate that keeps what it was sent, as the pages do.
    private struct Gate {
        var lines: [String: JSONValue] = [:]
        var version = ""
        var wasWhole = false
        /// Lines of the last answer.
        var received = 0

        /// Takes an answer; false when there was nothing new.
        mutating func take(_ answer: Answer) throws -> Bool {
            if answer.status == 304 { return false }
            #expect(answer.status == 200)
            let payload = try WireJSON.decode(
                [String: JSONValue].self,
                from: try #require(Base64URL.decode(String(answer.text.split(separator: ".")[1]))))
            guard case .array(let tickets)? = payload["tickets"], case .string(let named)? = payload["version"] else {
                Issue.record("no tickets or version")
                return true
            }
            wasWhole = payload["since"] == nil
            if wasWhole { lines = [:] } else { #expect(payload["since"] == .string(version)) }
            version = named
            received = tickets.count
            for case .array(let line) in tickets {
                if case .string(let id)? = line.first { lines[id] = .array(line) }
            }
            return true
        }
    }

    /// The token of an organizer, their event, and where its manifest is.
    private func scene(_ api: APIWorld, capacity: Int) async throws -> (organizer: String, event: String, path: String)
    {
        let organizer = try await api.signUp("Olga", role: .organizer)
        let event = try await api.event(organizer.token, capacity: capacity)
        return (organizer.token, event, "/api/v1/events/\(event)/check-in-manifest")
    }

    @Test("a gate that says what it has is sent what changed, and comes to what the whole manifest says")
    func changes() async throws {
        try await APIWorld.run { api in
            let (organizer, event, path) = try await scene(api, capacity: 10)
            func guest() async throws -> (token: String, ticket: Ticket) {
                let guest = try await api.signUp("Guest")
                let made = try await api.client.post("/api/v1/events/\(event)/registrations", token: guest.token)
                let id = try #require(made.string("id").flatMap { RegistrationID($0) })
                return (guest.token, try await api.issueTicket(for: id))
            }
            let (first, second) = (try await guest(), try await guest())
            _ = try await guest()
            var gate = Gate()
            let begun = try await api.client.get("\(path)?since=", token: organizer)
            #expect(try gate.take(begun) && gate.wasWhole && gate.lines.count == 3)

            func compare(_ what: Comment, lines: Int) async throws {
                let sent = try await api.client.get("\(path)?since=\(gate.version)", token: organizer)
                #expect(try gate.take(sent), what)
                #expect(!gate.wasWhole && gate.received == lines, what)
                var whole = Gate()
                #expect(try whole.take(try await api.client.get(path, token: organizer)))
                #expect(whole.lines == gate.lines, what)
                let again = try await api.client.get("\(path)?since=\(gate.version)", token: organizer)
                #expect(again.status == 304, what)
            }
            let scan = #"{"code":"\#(first.ticket.code)","gate":"North"}"#
            let scanned = try await api.client.post("/api/v1/events/\(event)/check-ins", scan, token: organizer)
            try await compare("a check-in", lines: 1)
            let checkIn = try #require(scanned.string("checkInId"))
            _ = try await api.client.post(
                "/api/v1/check-ins/\(checkIn)/undo", #"{"reason":"by mistake"}"#, token: organizer)
            try await compare("a check-in that was taken back", lines: 1)
            _ = try await api.client.patch("/api/v1/me", #"{"displayName":"Guest Anew"}"#, token: second.token)
            try await compare("a new name", lines: 1)
            let fourth = try await guest()
            try await compare("a new ticket", lines: 1)
            _ = try await api.client.post("/api/v1/tickets/\(second.ticket.id)/reissue", token: second.token)
            try await compare("a code that is to be replaced", lines: 1)
            _ = try await api.client.delete(
                "/api/v1/registrations/\(fourth.ticket.registrationID)", token: fourth.token)
            try await compare("a cancelled registration", lines: 1)
            _ = try await api.client.patch(
                "/api/v1/events/\(event)", #"{"title":"Renamed"}"#, token: organizer,
                headers: ["If-Match": try await api.client.get("/api/v1/events/\(event)").headers["etag"] ?? "*"])
            try await compare("an edit of the event", lines: 0)
        }
    }

    @Test("a version of another database, and what is none, are answered with the whole manifest")
    func foreignVersions() async throws {
        try await APIWorld.run { api in
            let (organizer, _, path) = try await scene(api, capacity: 1)
            var gate = Gate()
            _ = try gate.take(try await api.client.get(path, token: organizer))
            let known = try #require(ManifestVersion(gate.version))
            #expect(known.text == gate.version)
            let foreign = gate.version.replacing(known.database, with: "00000000")
            for since in ["", "0", "x", foreign, "1.a.b.zzzzzzzzzzzzzzzzzzzz.0.", gate.version + "-9"] {
                var other = Gate()
                let answer = try await api.client.get("\(path)?since=\(since)", token: organizer)
                #expect(try other.take(answer) && other.wasWhole, "\(since)")
            }
        }
    }

    @Test("what was under way when a version was named, and committed later, counts as a change since; control")
    func underWay() async throws {
        try await GateWorld.run(tickets: 2) { gate in
            let store = ManifestStore(gate.world.database)
            var known: DatabaseSnapshot?
            try await gate.world.owner.transaction { early in
                _ = try await early.query(
                    "UPDATE tickets SET holder_renames = holder_renames + 1 WHERE id = \(gate.tickets[0].id)")
                // Begun later, and done earlier: so the first is among what is under way.
                try await gate.world.owner.execute(
                    "UPDATE tickets SET holder_renames = holder_renames + 1 WHERE id = \(gate.tickets[1].id)")
                let state = try #require(try await store.state(of: gate.event, since: nil))
                #expect(!state.snapshot.underWay.isEmpty || state.snapshot.oldest < state.snapshot.next)
                known = state.snapshot
            }
            let snapshot = try #require(known)
            let changed = try #require(try await store.changes(of: gate.event, since: snapshot, limit: 10))
            #expect(changed.map(\.id) == [gate.tickets[0].id])
            #expect(try await store.state(of: gate.event, since: snapshot)?.hasChanged == true)
            // Control: by the number of the newest transaction alone the change is lost.
            let newest = try #require(DatabaseSnapshot(oldest: snapshot.next, next: snapshot.next, underWay: []))
            #expect(try await store.changes(of: gate.event, since: newest, limit: 10) == [])
            // More than are sent one by one.
            #expect(try await store.changes(of: gate.event, since: snapshot, limit: 0) == nil)
        }
    }
}
