import Domain
import FoundationEssentials
import Persistence
import Postgres
import Testing

@testable import ws_hub

@Suite("Hub: who may go on listening")
struct HubPeopleTests {
    /// Five seconds are promised; the rest is for a machine with other work.
    private static let promised = Duration.seconds(10)

    @Test("signing out closes the sockets of that sign-in and no others; its token is not taken again")
    func signOut() async throws {
        try await HubWorld.with { hub in
            let (person, first, second) = (UserID(), SessionID(), SessionID())
            try await hub.events.signIn(first, of: person, .user)
            try await hub.events.signIn(second, of: person, .user)
            let leaving = try await hub.connect(as: person, session: first)
            let staying = try await hub.connect(as: person, session: second)
            try await hub.events.database.execute("UPDATE sessions SET revoked_at = now() WHERE id = \(first)")
            #expect(try await leaving.closeCode(within: Self.promised) == CloseCode.signedOut.rawValue)
            let again = try await hub.connect()
            let token = try await hub.token(for: person, session: first)
            try again.text(#"{"type":"authenticate","token":"\#(token)"}"#)
            #expect(try await again.next("error").code == "signed-out")
            #expect(try await again.closeCode() == CloseCode.signedOut.rawValue)
            try await staying.answersPing()
        }
    }

    @Test("a sign-in that ran out, or whose person is gone, is signed out; one that nobody ever made is not taken")
    func gone() async throws {
        try await HubWorld.with { hub in
            let (late, erased, session) = (UserID(), UserID(), SessionID())
            try await hub.events.signIn(session, of: late, .user)
            let first = try await hub.connect(as: late, session: session)
            let second = try await hub.connect(as: erased)
            try await hub.events.database.execute([
                "UPDATE sessions SET expires_at = now() WHERE id = \(session)",
                "DELETE FROM users WHERE id = \(erased)",
            ])
            #expect(try await first.closeCode(within: Self.promised) == CloseCode.signedOut.rawValue)
            #expect(try await second.closeCode(within: Self.promised) == CloseCode.signedOut.rawValue)
            let third = try await hub.connect()
            let token = try await hub.token(for: late, session: SessionID())
            try third.text(#"{"type":"authenticate","token":"\#(token)"}"#)
            #expect(try await third.closeCode() == CloseCode.signedOut.rawValue)
        }
    }

    @Test("losing a role closes, gaining one does not; the old token is not taken again")
    func role() async throws {
        try await HubWorld.with { hub in
            let (falling, rising, session) = (UserID(), UserID(), SessionID())
            try await hub.events.signIn(session, of: falling, .admin)
            let client = try await hub.connect(as: falling, .admin, session: session)
            let lucky = try await hub.connect(as: rising)
            try await hub.events.database.execute([
                "UPDATE users SET role = 'organizer' WHERE id = \(rising)",
                "UPDATE users SET role = 'user' WHERE id = \(falling)",
            ])
            #expect(try await client.closeCode(within: Self.promised) == CloseCode.notAuthenticated.rawValue)
            let again = try await hub.connect()
            let token = try await hub.token(for: falling, role: .admin, session: session)
            try again.text(#"{"type":"authenticate","token":"\#(token)"}"#)
            #expect(try await again.next("error").code == "token-outdated")
            try await lucky.answersPing()
        }
    }

    @Test("whoever is taken out of an event's team loses its dashboard")
    func membership() async throws {
        try await HubWorld.with { hub in
            let id = try await hub.events.add()
            let helper = UserID()
            let client = try await hub.connect(as: helper, .organizer)
            try await hub.events.database.execute(
                "INSERT INTO event_members (event_id, user_id, role) VALUES (\(id), \(helper), 'coOrganizer')")
            try client.subscribe("organizer:\(id)")
            _ = try await client.next("subscribed")
            let owner = try await hub.connect(as: hub.events.owner, .organizer)
            try owner.subscribe("organizer:\(id)")
            _ = try await owner.next("subscribed")
            try await hub.events.database.execute(
                "DELETE FROM event_members WHERE event_id = \(id) AND user_id = \(helper)")
            #expect(try await client.closeCode(within: Self.promised) == CloseCode.notAllowed.rawValue)
            try await owner.answersPing()
        }
    }

    @Test("sockets beyond a person's bound are closed; other people's are not, and a free place counts again")
    func perUser() async throws {
        try await HubWorld.with(limits: { $0.socketsPerUser = 2 }) { hub in
            let (person, session) = (UserID(), SessionID())
            try await hub.events.signIn(session, of: person, .user)
            var first: WebSocketClient? = try await hub.connect(as: person, session: session)
            let second = try await hub.connect(as: person, session: session)
            let third = try await hub.connect()
            let token = try await hub.token(for: person, session: session)
            try third.text(#"{"type":"authenticate","token":"\#(token)"}"#)
            #expect(try await third.next("error").code == "too-many-sockets")
            #expect(try await third.closeCode() == CloseCode.tooMany.rawValue)
            _ = try await hub.connect(as: UserID())
            try third.frame(8, [])
            #expect(first != nil)
            first = nil
            try await eventually("only the second is left") { hub.metric("hub_sockets") == 1 }
            _ = try await hub.connect(as: person, session: session)
            #expect(second.status == 101)
        }
    }
}
