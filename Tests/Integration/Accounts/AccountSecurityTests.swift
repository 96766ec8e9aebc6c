@testable import api_service
import Domain
import FoundationEssentials
import PasswordHashing
import Persistence
import Postgres
import Synchronization
import Testing
import TestSupport

@Suite("Accounts over HTTP")
struct AccountSecurityTests {
    static let newPassword = "another horse, another staple"

    @Test("one sees where one is signed in, and ends one of the sessions: its tokens are worth nothing at once")
    func endOne() async throws {
        try await APIWorld.run { api in
            let here = try await api.signUp()
            let there = try await api.logIn(here.id, headers: ["User-Agent": "Lynx/2.9 (text)"])
            let stranger = try await api.signUp()
            let listed = try await api.client.get("/api/v1/me/sessions", token: here.token)
            let sessions = listed.items
            #expect(sessions.count == 2)
            #expect(sessions.map { $0["current"] } == [.bool(false), .bool(true)])
            #expect(sessions.first?["device"] == .string("Lynx/2.9 (text)"))
            let other = try #require(sessions.first?["id"]?.text)

            #expect(try await api.client.delete("/api/v1/me/sessions/\(other)", token: stranger.token).status == 404)
            #expect(try await api.client.get("/api/v1/me", token: there.token).status == 200)
            #expect(try await api.client.delete("/api/v1/me/sessions/\(other)", token: here.token).status == 204)
            #expect(try await api.client.delete("/api/v1/me/sessions/\(other)", token: here.token).status == 204)
            #expect(try await api.client.get("/api/v1/me", token: there.token).problem == "not-authenticated")
            #expect(try await api.refresh(there.cookie).status == 401)
            #expect(try await api.client.get("/api/v1/me/sessions", token: here.token).items.count == 1)
        }
    }

    @Test("all sessions end, or all others; the list of them is paged")
    func endAll() async throws {
        try await APIWorld.run { api in
            let here = try await api.signUp()
            let others = [try await api.logIn(here.id), try await api.logIn(here.id)]
            let page = try await api.client.get("/api/v1/me/sessions?limit=2", token: here.token)
            #expect(page.items.count == 2)
            let next = try #require(page.string("nextCursor"))
            let rest = try await api.client.get("/api/v1/me/sessions?limit=2&cursor=\(next)", token: here.token)
            #expect(rest.items.count == 1 && rest["nextCursor"] == .null)
            #expect(
                try await api.client.delete("/api/v1/me/sessions?keepCurrent=true", token: here.token).status == 204)
            for other in others { #expect(try await api.client.get("/api/v1/me", token: other.token).status == 401) }
            #expect(try await api.refresh(here.cookie).status == 200)
            let out = try await api.client.delete("/api/v1/me/sessions", token: here.token)
            #expect(out.status == 204 && out.headers["set-cookie"]?.contains("Max-Age=0") == true)
            #expect(try await api.client.get("/api/v1/me", token: here.token).status == 401)
        }
    }

    @Test("another instance hears of a session's end, without anybody asking the database at a request")
    func elsewhere() async throws {
        try await APIWorld.run { api in
            let user = try await api.signUp()
            #expect(try await api.client.get("/api/v1/me", token: user.token).status == 200)
            try await api.world.database.transaction { transaction in
                _ = try await SessionStore(api.world.database).revokeAll(of: user.id, on: transaction)
            }
            let deadline = ContinuousClock.now + .seconds(30)
            while try await api.client.get("/api/v1/me", token: user.token).status != 401 {
                try #require(.now < deadline)
                try await Task.sleep(for: .milliseconds(50))
            }
        }
    }

    @Test("a new password ends everything, and signs in anew whoever chose it")
    func password() async throws {
        try await APIWorld.run { api in
            let user = try await api.signUp()
            let other = try await api.logIn(user.id)
            func change(_ current: String, _ new: String) async throws -> Answer {
                try await api.client.post(
                    "/api/v1/me/password", #"{"currentPassword":"\#(current)","newPassword":"\#(new)"}"#,
                    token: user.token)
            }
            #expect(try await change("wrong wrong", Self.newPassword).fields == ["currentPassword"])
            #expect(try await change(APIWorld.password, "password1").fields == ["newPassword"])
            #expect(try await change(APIWorld.password, "short").fields == ["newPassword"])
            let changed = try await change(APIWorld.password, Self.newPassword)
            #expect(changed.status == 200)
            let token = try #require(changed.string("accessToken"))
            #expect(try await api.client.get("/api/v1/me", token: token).status == 200)
            #expect(
                try await api.refresh(String(changed.headers["set-cookie"]?.prefix { $0 != ";" } ?? "")).status == 200)
            for old in [user, other] {
                #expect(try await api.client.get("/api/v1/me", token: old.token).status == 401)
                #expect(try await api.refresh(old.cookie).status == 401)
            }
            #expect(try await api.tryLogIn(user.id, APIWorld.password).status == 401)
            #expect(try await api.tryLogIn(user.id, Self.newPassword).status == 200)
        }
    }

    @Test("another address counts once it is confirmed, and only for the request that it was confirmed for")
    func email() async throws {
        try await APIWorld.run { api in
            let user = try await api.signUp()
            let taken = try await api.signUp()
            func ask(_ email: String, _ password: String = APIWorld.password) async throws -> Answer {
                try await api.client.post(
                    "/api/v1/me/email", #"{"email":"\#(email)","password":"\#(password)"}"#, token: user.token)
            }
            func confirm(_ token: SecretToken) async throws -> Answer {
                try await api.client.post("/api/v1/auth/email-change/confirm", #"{"token":"\#(token.text)"}"#)
            }
            let before = try await api.email(of: user.id)
            let takenEmail = try await api.email(of: taken.id)
            #expect(try await ask("new@example.com", "wrong wrong").fields == ["password"])
            let (first, second) = (try await ask("Old-Wish@example.com"), try await ask(takenEmail))
            #expect([first.status, second.status] == [202, 202] && first.text == second.text)
            // The mail is planned for both, and goes to the address that was named.
            #expect(try await confirm(try await api.link(of: user.id, to: takenEmail)).problem == "email-taken")
            #expect(try await ask("new@example.com").status == 202)
            #expect(try await confirm(try await api.link(of: user.id, to: "old-wish@example.com")).status == 410)
            let link = try await api.link(of: user.id, to: "new@example.com")
            #expect(try await api.email(of: user.id) == before)
            #expect(try await confirm(link).status == 204)
            #expect(try await confirm(link).problem == "link-invalid")
            #expect(try await api.client.get("/api/v1/me", token: user.token).string("email") == "new@example.com")
            #expect(try await api.tryLogIn(user.id, APIWorld.password).status == 200)
        }
    }

    @Test("the export holds what is stored about oneself, and no secret")
    func export() async throws {
        try await APIWorld.run { api in
            let owner = try await api.signUp("Olga", role: .organizer)
            let user = try await api.signUp("Tess \\u0022Quote\\u0022")
            let event = try await api.event(owner.token)
            _ = try await api.client.post("/api/v1/events/\(event)/registrations", token: user.token)
            let answer = try await api.client.get("/api/v1/me/export", token: user.token)
            #expect(answer.status == 200)
            #expect(answer.headers["content-disposition"]?.hasPrefix("attachment") == true)
            for part in ["account", "sessions", "registrations", "tickets", "notifications", "teams", "audit"] {
                #expect(answer[part] != nil, "\(part)")
            }
            #expect(answer.text.contains(event) && answer.text.contains(#"Tess \"Quote\""#))
            #expect(!answer.text.contains("argon2") && !answer.text.contains("hash"))
            let stranger = try await api.email(of: owner.id)
            #expect(!answer.text.contains(stranger))
        }
    }

    @Test("a deleted account gives its places back, leaves the past without a name, and is gone for good")
    func deletion() async throws {
        try await APIWorld.run { api in
            let owner = try await api.signUp("Olga", role: .organizer)
            let (user, next) = (try await api.signUp(), try await api.signUp("Next"))
            let email = try await api.email(of: user.id)
            let ahead = try await api.event(owner.token, capacity: 1, waitlist: true)
            let past = try await api.event(owner.token)
            for (person, event) in [(user, ahead), (next, ahead), (user, past)] {
                #expect(
                    try await api.client.post("/api/v1/events/\(event)/registrations", token: person.token).status
                        == 201)
            }
            try await api.world.owner.execute(
                """
                UPDATE events SET starts_at = now() - interval '2 hours', ends_at = now() - interval '1 hour'
                WHERE id = \(try #require(EventID(past)))
                """)
            func delete(_ password: String, _ token: String) async throws -> Answer {
                try await api.client.send(
                    "DELETE", "/api/v1/me", token: token, body: Array(#"{"password":"\#(password)"}"#.utf8))
            }
            #expect(try await delete("wrong wrong", user.token).fields == ["password"])
            #expect(try await delete(APIWorld.password, owner.token).problem == "events-ahead")
            #expect(try await delete(APIWorld.password, user.token).status == 204)

            #expect(try await api.client.get("/api/v1/me", token: user.token).status == 401)
            #expect(try await api.refresh(user.cookie).status == 401)
            let again = try await api.client.post(
                "/api/v1/auth/login", #"{"email":"\#(email)","password":"\#(APIWorld.password)"}"#)
            #expect(again.problem == "invalid-credentials")
            let attendees = try await api.client.get("/api/v1/events/\(past)/registrations", token: owner.token).text
            #expect(attendees.contains(AccountErasure.name) && !attendees.contains(email))
            let places = try await api.world.counted(try #require(EventID(ahead)))
            #expect(places.counters.confirmed == 1 && places.confirmedRows == 1 && places.waitlistedRows == 0)
            let promoted = try await api.client.get("/api/v1/me/registrations", token: next.token)
            #expect(promoted.items.first?["status"] == .string("confirmed"))
            let kept = try await api.world.owner.read(
                "SELECT 1 FROM users WHERE email = \(email) OR display_name = 'Tess' AND id = \(user.id)")
            #expect(kept.isEmpty)
            // The address is free for somebody else.
            let successor = try await api.client.post(
                "/api/v1/auth/register",
                #"{"email":"\#(email)","password":"\#(Self.newPassword)","displayName":"Another"}"#)
            #expect(successor.status == 201)
        }
    }

    @Test("the last administrator can't have their account deleted")
    func lastAdmin() async throws {
        try await APIWorld.run { api in
            let admin = try await api.signUp(role: .admin)
            let answer = try await api.client.send(
                "DELETE", "/api/v1/me", token: admin.token, body: Array(#"{"password":"\#(APIWorld.password)"}"#.utf8))
            #expect(answer.status == 409 && answer.problem == "last-admin")
        }
    }
}

@Suite("Wrong passwords over HTTP")
struct SignInThrottleTests {
    @Test("an account that doesn't exist costs the same hashes, and is throttled and answered like any other")
    func noEnumeration() async throws {
        try await APIWorld.run { api in
            let user = try await api.signUp()
            let email = try await api.email(of: user.id)
            var seen: [[String]] = []
            for address in [email, "nobody@example.com"] {
                var answers: [String] = []
                for _ in 0..<7 {
                    let before = api.passwords.computed
                    let answer = try await api.client.post(
                        "/api/v1/auth/login", #"{"email":"\#(address)","password":"wrong wrong"}"#)
                    let limits = answer.headers["ratelimit"]?.split(separator: ",").first ?? ""
                    answers.append(
                        "\(answer.status) \(answer.problem ?? "") \(api.passwords.computed - before) \(limits)")
                }
                seen.append(answers)
            }
            #expect(seen[0] == seen[1])
            #expect(seen[0][0] == #"401 invalid-credentials 1 "sign-in";r=4;t=0"#)
            #expect(seen[0][4] == #"401 invalid-credentials 1 "sign-in";r=0;t=1"#)
            #expect(seen[0][6].hasPrefix("429 too-many-requests 0"))
        }
    }

    @Test("the pauses double by the service's clock, hold for the right password too, and end with a new one by mail")
    func pauses() async throws {
        let clock = ServiceClock()
        try await APIWorld.run(clock: clock.now) { api in
            let user = try await api.signUp()
            for _ in 0..<5 { #expect(try await api.tryLogIn(user.id, "wrong wrong").status == 401) }
            let paused = try await api.tryLogIn(user.id, APIWorld.password)
            #expect(paused.status == 429 && paused.headers["retry-after"] == "1")
            #expect(paused.headers["ratelimit-policy"]?.contains(#""sign-in";q=5"#) == true)
            clock.advance(1)
            #expect(try await api.tryLogIn(user.id, "wrong wrong").status == 401)
            #expect(try await api.tryLogIn(user.id, APIWorld.password).headers["retry-after"] == "2")
            clock.advance(2)
            #expect(try await api.tryLogIn(user.id, APIWorld.password).status == 200)
            // A right one clears the count.
            for _ in 0..<5 { #expect(try await api.tryLogIn(user.id, "wrong wrong").status == 401) }
            #expect(try await api.tryLogIn(user.id, APIWorld.password).status == 429)
            let link = SecretToken()
            try await AccountLinkStore(api.world.database).create(
                link.hash, of: user.id, for: .resetPassword, now: clock.now())
            let reset = try await api.client.post(
                "/api/v1/auth/password-reset/confirm",
                #"{"token":"\#(link.text)","password":"\#(AccountSecurityTests.newPassword)"}"#)
            #expect(reset.status == 204)
            #expect(try await api.tryLogIn(user.id, AccountSecurityTests.newPassword).status == 200)
        }
    }

    @Test("an address that guesses at many accounts waits too, and a client can't choose its address")
    func byAddress() async throws {
        let proxied = ["X-Forwarded-For": "203.0.113.9"]
        try await APIWorld.run { api in
            func guess(_ number: Int, _ headers: [String: String]) async throws -> Answer {
                try await api.client.post(
                    "/api/v1/auth/login", #"{"email":"u\#(number)@example.com","password":"wrong wrong"}"#,
                    headers: headers)
            }
            var answers: [Int] = []
            for number in 0..<101 { answers.append(try await guess(number, proxied).status) }
            answers.append(try await guess(101, ["X-Forwarded-For": "198.51.100.1, 203.0.113.9"]).status)
            answers.append(try await guess(102, ["X-Forwarded-For": "203.0.113.10"]).status)
            #expect(answers == Array(repeating: 401, count: 100) + [429, 429, 401])
        }
    }

    @Test("two hundred sign-ins at once: every one is answered, and places are taken meanwhile")
    func flood() async throws {
        try await APIWorld.run { api in
            let owner = try await api.signUp("Olga", role: .organizer)
            let event = try await api.event(owner.token, capacity: 50)
            var people: [String] = []
            for _ in 0..<5 { people.append(try await api.signUp().token) }
            let before = api.passwords.computed
            try await withThrowingTaskGroup(of: Int?.self) { group in
                for number in 0..<200 {
                    group.addTask {
                        try await api.client.post(
                            "/api/v1/auth/login", #"{"email":"f\#(number)@example.com","password":"wrong wrong"}"#,
                            headers: ["X-Forwarded-For": "198.51.100.\(number)"]
                        ).status
                    }
                }
                // Once the flood is there, and before it is over.
                while api.passwords.waiting < 50 { await Task.yield() }
                for token in people {
                    let taken = try await api.client.post("/api/v1/events/\(event)/registrations", token: token)
                    #expect(taken.status == 201)
                }
                #expect(api.passwords.computed - before < 200, "the flood was over before the registrations were")
                for try await status in group { #expect(status == 401) }
            }
        }
    }
}

/// The time of day, moved on by tests.
private final class ServiceClock: Sendable {
    private let offset = Mutex<TimeInterval>(0)

    func now() -> Date { Date() + offset.withLock { $0 } }
    func advance(_ seconds: TimeInterval) { offset.withLock { $0 += seconds } }
}

extension Answer {
    /// The items of a page.
    fileprivate var items: [[String: JSONValue]] {
        guard case .array(let items)? = self["items"] else { return [] }
        return items.compactMap { if case .object(let object) = $0 { object } else { nil } }
    }
}

extension JSONValue {
    fileprivate var text: String? { if case .string(let text) = self { text } else { nil } }
}

extension APIWorld {
    fileprivate func email(of user: UserID) async throws -> String { try await world.users.find(user)?.email ?? "" }

    fileprivate func tryLogIn(
        _ user: UserID, _ password: String, headers: [String: String] = [:]
    ) async throws -> Answer {
        try await client.post(
            "/api/v1/auth/login", #"{"email":"\#(try await email(of: user))","password":"\#(password)"}"#,
            headers: headers)
    }

    fileprivate func logIn(
        _ user: UserID, headers: [String: String] = [:]
    ) async throws -> (id: UserID, token: String, cookie: String) {
        let answer = try await tryLogIn(user, Self.password, headers: headers)
        let cookie = answer.headers["set-cookie"]?.prefix { $0 != ";" } ?? ""
        return (user, try #require(answer.string("accessToken")), String(cookie))
    }

    fileprivate func refresh(_ cookie: String) async throws -> Answer {
        try await client.post("/api/v1/auth/refresh", headers: ["X-EM-CSRF": "1", "Cookie": cookie])
    }

    /// Does what notifications does when it sends the link to a new address.
    fileprivate func link(of user: UserID, to email: String) async throws -> SecretToken {
        let token = SecretToken()
        try await AccountLinkStore(world.database).create(
            token.hash, of: user, for: .changeEmail, email: email, now: Date())
        return token
    }
}
