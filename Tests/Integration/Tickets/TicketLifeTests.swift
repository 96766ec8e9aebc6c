import Access
import Crypto
import Domain
import FoundationEssentials
import Persistence
import Postgres
import TestSupport
import Testing

@Suite("The life of a ticket over HTTP")
struct TicketLifeTests {
    private func registered(
        _ api: APIWorld, at event: String
    ) async throws -> (token: String, registration: RegistrationID, ticket: Ticket) {
        let guest = try await api.signUp("Guest")
        let answer = try await api.client.post("/api/v1/events/\(event)/registrations", token: guest.token)
        let registration = try #require(answer.string("id").flatMap { RegistrationID($0) })
        return (guest.token, registration, try await api.issueTicket(for: registration))
    }

    @Test("holder and organizer have a ticket made anew; its old code is refused, and strangers hear nothing of it")
    func reissue() async throws {
        try await APIWorld.run { api in
            let organizer = try await api.signUp("Olga", role: .organizer)
            let event = try await api.event(organizer.token)
            let (holder, registration, ticket) = try await registered(api, at: event)
            let path = "/api/v1/tickets/\(ticket.id)/reissue"
            #expect(try await api.client.post(path, token: try await api.signUp().token).status == 404)
            for token in [holder, organizer.token] {  // done twice it is done once
                let answer = try await api.client.post(path, token: token)
                #expect(answer.status == 202)
                #expect(answer.string("revokedTicketId") == "\(ticket.id)")
            }
            let scans = "/api/v1/events/\(event)/check-ins"
            func scan(_ code: String) async throws -> String? {
                try await api.client.post(scans, #"{"code":"\#(code)"}"#, token: organizer.token).string("result")
            }
            #expect(try await scan(ticket.qrText) == "revoked")
            #expect(try await scan(ticket.code) == "revoked")
            let jobs = try await api.world.database.read(
                "SELECT data->>'registrationId' AS id FROM outbox WHERE type = 'ticket.issue' AND destination = 'work'")
            #expect(try jobs.map { try $0.decode("id", as: String.self) } == ["\(registration)"])
            let audit = try await api.world.database.read("SELECT 1 FROM audit WHERE action = 'ticket.reissued'")
            #expect(audit.count == 1)

            let next = try await api.issueTicket(for: registration)
            #expect(try await scan(next.code) == "admitted")
            let tooLate = try await api.client.post("/api/v1/tickets/\(next.id)/reissue", token: holder)
            #expect(tooLate.problem == "already-checked-in")
            let gone = try await registered(api, at: event)
            _ = try await api.client.delete("/api/v1/registrations/\(gone.registration)", token: gone.token)
            let cancelled = try await api.client.post("/api/v1/tickets/\(gone.ticket.id)/reissue", token: gone.token)
            #expect(cancelled.problem == "already-cancelled")
        }
    }

    @Test("a printed ticket is made once for what it says, kept, and not sent twice")
    func printed() async throws {
        try await APIWorld.run { api in
            let organizer = try await api.signUp("Olga", role: .organizer)
            let event = try await api.event(organizer.token)
            let (holder, _, ticket) = try await registered(api, at: event)
            let path = "/api/v1/tickets/\(ticket.id).pdf"
            let first = try await api.client.get(path, token: holder)
            #expect(first.status == 200)
            #expect(first.headers["content-type"] == "application/pdf")
            #expect(first.body.starts(with: Array("%PDF-".utf8)))
            let again = try await api.client.get(path, token: organizer.token)
            #expect(again.body == first.body)
            let tag = try #require(first.headers["etag"])
            #expect(try await api.client.get(path, token: holder, headers: ["If-None-Match": tag]).status == 304)
            let edited = try await api.client.patch(
                "/api/v1/events/\(event)", #"{"venue":"Elsewhere"}"#, token: organizer.token,
                headers: ["If-Match": "\"2\""])
            #expect(edited.status == 200)
            let changed = try await api.client.get(path, token: holder, headers: ["If-None-Match": tag])
            #expect(changed.status == 200)
            #expect(changed.body != first.body)
            let kept = try await api.world.database.read("SELECT 1 FROM ticket_documents")
            #expect(kept.count == 1)
        }
    }

    @Test(
        "a key published while the service runs verifies tickets at once, and is shown; one that is retired is refused")
    func publishedKey() async throws {
        try await APIWorld.run { api in
            let organizer = try await api.signUp("Olga", role: .organizer)
            let event = try await api.event(organizer.token)
            let (_, _, ticket) = try await registered(api, at: event)
            let key = SigningKey()
            let id = Hexadecimal.encode(key.verificationKey.shortID)
            let store = TicketKeyStore(api.world.owner)  // ticket-worker's part; api-service may not
            func scan(_ code: String) async throws -> String? {
                try await api.client.post(
                    "/api/v1/events/\(event)/check-ins", #"{"code":"\#(code)"}"#, token: organizer.token
                ).string("result")
            }
            let token = TicketToken(
                keyID: key.verificationKey.shortID, ticketID: ticket.id, eventID: try #require(EventID(event)))
            let code = token.text(signature: Array(try key.privateKey.signature(for: token.signedBytes)))
            #expect(try await scan(code) == "unknown")
            try await store.publish(id, key.verificationKey.rawKey)
            #expect(try await becomes("admitted") { try await scan(code) })
            let shown = try await api.client.get("/.well-known/ticket-keys.json")
            #expect(shown.text.contains(key.verificationKey.id))

            #expect(try await store.retire(id))
            #expect(try await becomes("unknown") { try await scan(code) })
            await #expect(throws: TicketKeyStore.Unusable.self) {
                try await store.publish(id, key.verificationKey.rawKey)
            }
        }
    }

    /// Keys are read again after seconds.
    private func becomes(_ wanted: String, _ value: () async throws -> String?) async throws -> Bool {
        let deadline = ContinuousClock.now + .seconds(30)
        while ContinuousClock.now < deadline {
            if try await value() == wanted { return true }
            try await Task.sleep(for: .milliseconds(100))
        }
        return false
    }

    @Test("what signs tickets signs nobody in, under whatever name")
    func ticketKeyIsNoAccessKey() async throws {
        try await APIWorld.run { api in
            let person = try await api.signUp()
            #expect(try await api.client.get("/api/v1/me", token: person.token).status == 200)
            let seed = base64URL(api.ticketKey.rawRepresentation)
            let issuer = AccessTokenIssuer(
                keys: AccessKeys(signing: try SigningKey(seed: seed)), issuer: APIWorld.origin)
            let forged = try await issuer.issue(userID: person.id, role: .admin, sessionID: SessionID()).token
            #expect(try await api.client.get("/api/v1/me", token: forged).status == 401)
        }
    }
}
