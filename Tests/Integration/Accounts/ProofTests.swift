@testable import api_service
import Domain
import FoundationEssentials
import Persistence
import Postgres
import Synchronization
import Testing
import TestSupport

@Suite("Proof of who somebody is")
struct ProofTests {
    // MARK: Addresses

    @Test("the link of the sign-up's own mail keeps what the sign-up made")
    func ownLink() async throws {
        try await APIWorld.run(settings: AccountLinkAPITests.verificationRequired) { api in
            let email = "tess@example.com"
            #expect(try await api.signUp(email).status == 202)
            let user = try #require(try await api.world.users.find(email: email))
            #expect(try await api.prove(user.id, keepsSignUp: true).status == 204)
            #expect(try await api.logIn(email).status == 200)
        }
    }

    @Test("the first proof by any other link ends what somebody else made with the address before")
    func firstProof() async throws {
        try await APIWorld.run { api in
            let email = "colleague@example.com"
            let intruder = try #require(try await api.signUp(email).string("accessToken"))
            let key = try #require(try await api.key(intruder))
            let user = try #require(try await api.world.users.find(email: email))
            try await api.world.owner.execute(
                """
                INSERT INTO subscriptions (id, user_id, name, scope, types, delivery, url, created_at)
                VALUES (gen_random_uuid(), \(user.id), 'Leak', 'own', '{*}', 'webhook', 'https://example.com/', now())
                """)
            let proof = try await api.prove(user.id)
            #expect(proof.status == 200)
            let token = try #require(proof.string("passwordToken"))
            #expect(try await api.client.get("/api/v1/me", token: intruder).status == 401)
            #expect(try await api.client.get("/api/v1/events", token: key).status == 401)
            #expect(try await api.logIn(email).problem == "invalid-credentials")
            let left: SQL = "SELECT 1 FROM subscriptions WHERE user_id = \(user.id) AND ended_at IS NULL"
            #expect(try await api.world.owner.read(left).isEmpty)
            let reset = try await api.client.post(
                "/api/v1/auth/password-reset/confirm",
                #"{"token":"\#(token)","password":"\#(AccountLinkAPITests.newPassword)"}"#)
            #expect(reset.status == 204)
            #expect(try await api.logIn(email, AccountLinkAPITests.newPassword).status == 200)
            // The second proof is none: what is there stays.
            #expect(try await api.prove(user.id).status == 204)
            #expect(try await api.logIn(email, AccountLinkAPITests.newPassword).status == 200)
        }
    }

    @Test("a place in a team takes effect with the proof of the address that it was given to, and not before")
    func team() async throws {
        try await APIWorld.run { api in
            let owner = try await api.signUp("Olga", role: .organizer)
            let event = try await api.event(owner.token)
            let email = "colleague@example.com"
            let early = try #require(try await api.signUp(email).string("accessToken"))
            let user = try #require(try await api.world.users.find(email: email))
            func add(_ role: String) async throws -> Answer {
                try await api.client.post(
                    "/api/v1/events/\(event)/members", #"{"email":"\#(email)","role":"\#(role)"}"#, token: owner.token)
            }
            let added = try await add("checkInStaff")
            #expect(added.status == 201 && added["pending"] == .bool(true))
            #expect(try await add("coOrganizer").status == 200)
            let attendees = "/api/v1/events/\(event)/registrations"
            #expect(try await api.client.get(attendees, token: early).status == 403)
            #expect(try await api.members(of: event, owner.token) == [false, true])

            _ = try await api.prove(user.id, keepsSignUp: true)
            #expect(try await api.client.get(attendees, token: early).status == 200)
            #expect(try await api.members(of: event, owner.token) == [false, false])
            let removed = try await api.client.delete("/api/v1/events/\(event)/members/\(user.id)", token: owner.token)
            #expect(removed.status == 204)
            #expect(try await api.client.get(attendees, token: early).status == 403)
        }
    }

    @Test("what was given to an address is not the next address's")
    func offerToFormerAddress() async throws {
        try await APIWorld.run { api in
            let owner = try await api.signUp("Olga", role: .organizer)
            let event = try await api.event(owner.token)
            let intruder = try #require(try await api.signUp("colleague@example.com").string("accessToken"))
            let user = try #require(try await api.world.users.find(email: "colleague@example.com"))
            _ = try await api.client.post(
                "/api/v1/events/\(event)/members", #"{"email":"colleague@example.com","role":"coOrganizer"}"#,
                token: owner.token)
            _ = try await api.client.post(
                "/api/v1/me/email", #"{"email":"own@example.com","password":"\#(APIWorld.password)"}"#, token: intruder)
            let link = SecretToken()
            try await AccountLinkStore(api.world.database).create(
                link.hash, of: user.id, for: .changeEmail, email: "own@example.com", now: Date())
            let confirmed = try await api.client.post(
                "/api/v1/auth/email-change/confirm", #"{"token":"\#(link.text)"}"#)
            #expect(confirmed.status == 204)
            #expect(try await api.client.get("/api/v1/events/\(event)/registrations", token: intruder).status == 403)
            #expect(try await api.members(of: event, owner.token) == [false])
        }
    }

    // MARK: Recovery

    @Test("API keys end with a new password, by the old one and by mail")
    func keysEndWithRecovery() async throws {
        try await APIWorld.run { api in
            let email = "tess@example.com"
            let first = try #require(try await api.signUp(email).string("accessToken"))
            let user = try #require(try await api.world.users.find(email: email))
            _ = try await api.prove(user.id, keepsSignUp: true)
            let key = try #require(try await api.key(first))
            #expect(try await api.client.get("/api/v1/events?mine=true", token: key).status == 200)
            let changed = try await api.client.post(
                "/api/v1/me/password",
                #"{"currentPassword":"\#(APIWorld.password)","newPassword":"\#(AccountLinkAPITests.newPassword)"}"#,
                token: first)
            let second = try #require(changed.string("accessToken"))
            #expect(try await api.client.get("/api/v1/events?mine=true", token: key).status == 401)

            let later = try #require(try await api.key(second))
            let link = SecretToken()
            try await AccountLinkStore(api.world.database).create(
                link.hash, of: user.id, for: .resetPassword, now: Date())
            let reset = try await api.client.post(
                "/api/v1/auth/password-reset/confirm",
                #"{"token":"\#(link.text)","password":"\#(APIWorld.password)"}"#)
            #expect(reset.status == 204)
            #expect(try await api.client.get("/api/v1/events?mine=true", token: later).status == 401)
        }
    }

    @Test("what a session left open must not be enough for wants a sign-in younger than ten minutes")
    func recentSignIn() async throws {
        let ahead = Mutex<TimeInterval>(0)
        try await APIWorld.run(clock: { Date() + ahead.withLock { $0 } }) { api in
            let admin = try await api.signUp("Ada", role: .admin)
            let other = try await api.signUp()
            func attempts() async throws -> [Int] {
                [
                    try await api.client.post(
                        "/api/v1/api-keys", #"{"name":"K","scopes":["events:read"]}"#, token: admin.token
                    ).status,
                    try await api.client.get("/api/v1/me/export", token: admin.token).status,
                    try await api.client.delete("/api/v1/me/sessions?keepCurrent=true", token: admin.token).status,
                    try await api.client.patch(
                        "/api/v1/admin/users/\(other.id)", #"{"role":"user"}"#, token: admin.token
                    ).status,
                    try await api.client.post("/api/v1/admin/users/\(other.id)/unlock", token: admin.token).status,
                    try await api.client.delete("/api/v1/admin/users/\(other.id)/sessions", token: admin.token).status,
                ]
            }
            func reauthenticate(_ password: String) async throws -> Answer {
                try await api.client.post(
                    "/api/v1/auth/reauthenticate", #"{"password":"\#(password)"}"#, token: admin.token)
            }
            let good = [201, 200, 204, 200, 200, 204]
            #expect(try await attempts() == good)
            ahead.withLock { $0 = 601 }
            #expect(try await attempts() == Array(repeating: 403, count: 6))
            let refused = try await api.client.get("/api/v1/me/export", token: admin.token)
            #expect(refused.problem == "reauthentication-required")
            #expect(try await reauthenticate("wrong wrong").fields == ["password"])
            #expect(try await attempts() == Array(repeating: 403, count: 6))
            #expect(try await reauthenticate(APIWorld.password).status == 204)
            #expect(try await attempts() == good)
            // Of the session that one looks at no proof is asked.
            ahead.withLock { $0 = 0 }
            #expect(try await api.client.get("/api/v1/me", token: admin.token).status == 200)
        }
    }

    @Test("a link from the command line signs in once")
    func signInLink() async throws {
        try await APIWorld.run(settings: AccountLinkAPITests.verificationRequired) { api in
            let token = try await AppointAdmin(passwords: api.passwords).perform(
                "root@example.com", password: APIWorld.password, displayName: "Root",
                stores: Stores(api.world.database)
            ).text
            let answer = try await api.client.post("/api/v1/auth/sign-in-link", #"{"token":"\#(token)"}"#)
            #expect(answer.status == 200)
            let access = try #require(answer.string("accessToken"))
            #expect(try await api.client.get("/api/v1/admin/users", token: access).status == 200)
            let again = try await api.client.post("/api/v1/auth/sign-in-link", #"{"token":"\#(token)"}"#)
            #expect(again.problem == "link-invalid")
            // Its address counts as proven: the password opens it too.
            #expect(try await api.logIn("root@example.com").status == 200)
        }
    }

    @Test("a device that was signed out from elsewhere forgets what it kept, one whose session ran out does not")
    func clearsDevice() async throws {
        let ahead = Mutex<TimeInterval>(0)
        try await APIWorld.run(clock: { Date() + ahead.withLock { $0 } }) { api in
            func refresh(_ cookie: String) async throws -> Answer {
                try await api.client.post("/api/v1/auth/refresh", headers: ["X-EM-CSRF": "1", "Cookie": cookie])
            }
            let lost = try await api.signUp()
            let email = try #require(try await api.world.users.find(lost.id)?.email)
            let here = try #require(try await api.logIn(email).string("accessToken"))
            let ended = try await api.client.delete("/api/v1/me/sessions?keepCurrent=true", token: here)
            #expect(ended.status == 204)
            let answer = try await refresh(lost.cookie)
            #expect(answer.problem == "not-authenticated")
            #expect(answer.headers["clear-site-data"] == #""cache", "storage""#)
            #expect(String(decoding: answer.body, as: UTF8.self).contains(#""sessionEnded":true"#))

            let other = try await api.signUp()
            ahead.withLock { $0 = 31 * 86_400 }
            let late = try await refresh(other.cookie)
            #expect(late.problem == "not-authenticated" && late.headers["clear-site-data"] == nil)
            #expect(!String(decoding: late.body, as: UTF8.self).contains("sessionEnded"))
        }
    }

    // MARK: Where a request comes from

    @Test(
        "signing in and out is for our own pages, listed origins and programs",
        arguments: [
            (nil, nil, true), (APIWorld.origin, "same-origin", true), (APIWorld.origin, nil, true),
            ("https://partner.example", "cross-site", true), (nil, "same-origin", true),
            ("https://evil.example", "cross-site", false), ("https://evil.example", nil, false), ("null", nil, false),
            (nil, "cross-site", false), (nil, "same-site", false), (nil, "none", false),
            ("http://localhost:8080.evil.example", nil, false),
        ] as [(String?, String?, Bool)])
    func source(origin: String?, site: String?, isAllowed: Bool) async throws {
        try await APIWorld.run(settings: ["EM_CORS_ORIGINS": "https://partner.example"]) { api in
            var headers: [String: String] = [:]
            headers["Origin"] = origin
            headers["Sec-Fetch-Site"] = site
            for path in [
                "login", "register", "verify-email", "verify-email/resend", "password-reset", "password-reset/confirm",
                "email-change/confirm", "sign-in-link",
            ] {
                let answer = try await api.client.post("/api/v1/auth/\(path)", "{}", headers: headers)
                #expect((answer.status == 403) != isAllowed, "\(path): \(answer.status)")
                if !isAllowed { #expect(answer.problem == "forbidden") }
            }
        }
    }

    @Test("a body is JSON and says so: what a form of another site can send is no body of ours")
    func contentType() async throws {
        try await APIWorld.run { api in
            let body = Array(#"{"email":"tess@example.com","password":"\#(APIWorld.password)"}"#.utf8)
            for type in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""] {
                let answer = try await api.client.send(
                    "POST", "/api/v1/auth/login", headers: ["Content-Type": type], body: body)
                #expect(answer.status == 415, "\(type)")
            }
            let good = try await api.client.send(
                "POST", "/api/v1/auth/login", headers: ["Content-Type": "application/json; charset=utf-8"], body: body)
            #expect(good.status == 401)
        }
    }

    // MARK: Locks and roles

    @Test("a locked account is out at once and everywhere; unlocked, it is what it was, without sessions and keys")
    func lock() async throws {
        try await APIWorld.run { api in
            let admin = try await api.signUp("Ada", role: .admin)
            let owner = try await api.signUp("Olga", role: .organizer)
            let event = try await api.event(owner.token)
            let key = try #require(try await api.key(owner.token))
            let ownerEmail = try #require(try await api.world.users.find(owner.id)?.email)
            func act(_ verb: String, _ user: UserID) async throws -> Answer {
                try await api.client.post("/api/v1/admin/users/\(user)/\(verb)", token: admin.token)
            }
            #expect(try await act("lock", admin.id).problem == "last-admin")
            #expect(try await api.client.post("/api/v1/admin/users/\(owner.id)/lock", token: owner.token).status == 403)
            let locked = try await act("lock", owner.id)
            #expect(locked.status == 200 && locked["lockedAt"] != .null)
            #expect(try await act("lock", owner.id)["lockedAt"] == locked["lockedAt"])
            for token in [owner.token, key] {
                #expect(try await api.client.get("/api/v1/events?mine=true", token: token).status == 401)
            }
            let refreshed = try await api.client.post(
                "/api/v1/auth/refresh", headers: ["X-EM-CSRF": "1", "Cookie": owner.cookie])
            #expect(refreshed.status == 401)
            #expect(try await api.logIn(ownerEmail).problem == "account-locked")
            #expect(try await api.logIn(ownerEmail, "wrong wrong").problem == "invalid-credentials")
            // What they published stays, and is listed to be handed over.
            #expect(try await api.client.get("/api/v1/events/\(event)").status == 200)
            let owned = try await api.client.get("/api/v1/admin/users/\(owner.id)/events", token: admin.token)
            #expect(owned.text.contains(event))

            #expect(try await act("unlock", owner.id)["lockedAt"] == .null)
            #expect(try await api.client.get("/api/v1/events?mine=true", token: key).status == 401)
            let token = try #require(try await api.logIn(ownerEmail).string("accessToken"))
            #expect(try await api.client.get("/api/v1/events/\(event)/registrations", token: token).status == 200)
        }
    }

    @Test("who is no organizer any more has no say in what they own, until an admin gives it to another")
    func handOver() async throws {
        try await APIWorld.run { api in
            let admin = try await api.signUp("Ada", role: .admin)
            let owner = try await api.signUp("Olga", role: .organizer)
            let next = try await api.signUp("Nora", role: .organizer, isProven: false)
            let event = try await api.draft(owner.token)
            let nextEmail = try #require(try await api.world.users.find(next.id)?.email)
            func handOver() async throws -> Answer {
                try await api.client.put(
                    "/api/v1/events/\(event)/owner", #"{"email":"\#(nextEmail)"}"#, token: admin.token)
            }
            func show(_ token: String) async throws -> Int {
                try await api.client.get("/api/v1/events/\(event)/members", token: token).status
            }
            _ = try await api.client.patch(
                "/api/v1/admin/users/\(owner.id)", #"{"role":"user"}"#, token: admin.token)
            #expect(try await show(owner.token) == 404)
            #expect(try await api.client.get("/api/v1/events/\(event)", token: owner.token).status == 404)
            let mine = try await api.client.get("/api/v1/events?mine=true", token: owner.token)
            #expect(!mine.text.contains(event))
            // Only to somebody who may have it, with an address that is theirs.
            #expect(try await handOver().fields == ["email"])
            _ = try await api.prove(next.id, keepsSignUp: true)
            #expect(try await handOver().status == 204)
            #expect(try await handOver().status == 204)
            #expect(try await show(next.token) == 200)
            let given = try await api.client.get("/api/v1/events/\(event)", token: next.token)
            #expect(given.string("ownerId") == "\(next.id)")
        }
    }

    // MARK: On record

    @Test("who came in, who was turned away and from where is on record, and the place for thirty days only")
    func onRecord() async throws {
        try await APIWorld.run { api in
            let place = ["X-Forwarded-For": "203.0.113.9"]
            let user = try await api.signUp()
            let email = try #require(try await api.world.users.find(user.id)?.email)
            _ = try await api.logIn(email, "wrong wrong", headers: place)
            _ = try await api.logIn(email, headers: place)
            for _ in 0..<3 { _ = try await api.client.get("/api/v1/admin/users", token: user.token, headers: place) }
            let entries = try await api.access(of: user.id)
            #expect(
                entries == [
                    "access.signed-in 127.0.0.1", "access.sign-in-failed 203.0.113.9", "access.signed-in 203.0.113.9",
                    "access.refused 203.0.113.9",
                ])
            let key = try #require(try await api.key(user.token))
            for address in ["203.0.113.9", "203.0.113.9", "198.51.100.1", "198.51.100.1", "203.0.113.9"] {
                let used = try await api.client.get(
                    "/api/v1/events?mine=true", token: key, headers: ["X-Forwarded-For": address])
                #expect(used.status == 200)
            }
            #expect(try await api.access(of: user.id).last == "access.key-from-new-network 198.51.100.1")
            #expect(try await api.access(of: user.id).count == entries.count + 1)

            let erased = try await api.world.database.transaction { transaction in
                try await AuditStore().eraseExpired(at: Date() + 29 * 86_400, limit: 100, on: transaction)
            }
            #expect(erased == 0)
            let later = try await api.world.database.transaction { transaction in
                try await AuditStore().eraseExpired(at: Date() + 31 * 86_400, limit: 100, on: transaction)
            }
            #expect(later == entries.count + 1)
            #expect(try await api.access(of: user.id).allSatisfy { $0.hasSuffix("nowhere") })
        }
    }

    // MARK: Limits

    @Test("signing up is limited by network, and another network goes on")
    func signUps() async throws {
        try await APIWorld.run { api in
            var statuses: [Int] = []
            for number in 0..<101 {
                let answer = try await api.signUp(
                    "u\(number)@example.com", headers: ["X-Forwarded-For": "2001:db8:1:2::\(number)"])
                statuses.append(answer.status)
            }
            #expect(statuses == Array(repeating: 201, count: 100) + [429])
            let elsewhere = try await api.signUp("v@example.com", headers: ["X-Forwarded-For": "2001:db8:1:3::1"])
            #expect(elsewhere.status == 201)
        }
    }

    @Test("nobody has a stranger written to again and again")
    func strangers() async throws {
        try await APIWorld.run { api in
            let owner = try await api.signUp("Olga", role: .organizer)
            let event = try await api.event(owner.token)
            func invite(_ email: String, from address: String) async throws -> Int {
                try await api.client.post(
                    "/api/v1/events/\(event)/members", #"{"email":"\#(email)","role":"checkInStaff"}"#,
                    token: owner.token, headers: ["X-Forwarded-For": address]
                ).status
            }
            // Of one recipient, wherever it comes from.
            var statuses: [Int] = []
            for number in 0..<11 { statuses.append(try await invite("a@example.com", from: "198.51.100.\(number)")) }
            #expect(statuses == Array(repeating: 422, count: 10) + [429])
            // Of one sender, whoever it goes to.
            statuses = []
            for number in 0..<21 {
                statuses.append(try await invite("b\(number)@example.com", from: "203.0.113.\(number)"))
            }
            #expect(statuses == Array(repeating: 422, count: 20) + [429])
        }
    }
}

extension APIWorld {
    fileprivate func signUp(_ email: String, headers: [String: String] = [:]) async throws -> Answer {
        try await client.post(
            "/api/v1/auth/register",
            #"{"email":"\#(email)","password":"\#(Self.password)","displayName":"Tess"}"#, headers: headers)
    }

    fileprivate func logIn(
        _ email: String, _ password: String = APIWorld.password, headers: [String: String] = [:]
    ) async throws -> Answer {
        try await client.post(
            "/api/v1/auth/login", #"{"email":"\#(email)","password":"\#(password)"}"#, headers: headers)
    }

    /// Follows a link as notifications makes it.
    fileprivate func prove(_ user: UserID, keepsSignUp: Bool = false) async throws -> Answer {
        let link = SecretToken()
        try await AccountLinkStore(world.database).create(
            link.hash, of: user, for: .verifyEmail, keepsSignUp: keepsSignUp, now: Date())
        return try await client.post("/api/v1/auth/verify-email", #"{"token":"\#(link.text)"}"#)
    }

    fileprivate func key(_ token: String) async throws -> String? {
        try await client.post("/api/v1/api-keys", #"{"name":"K","scopes":["events:read"]}"#, token: token).string("key")
    }

    /// Whether each member of the team is pending, those who joined first first.
    fileprivate func members(of event: String, _ token: String) async throws -> [Bool] {
        guard case .array(let items)? = try await client.get("/api/v1/events/\(event)/members", token: token)["items"]
        else { return [] }
        return items.compactMap {
            if case .object(let member) = $0, case .bool(let isPending)? = member["pending"] { isPending } else { nil }
        }
    }

    /// What stands in the audit log of somebody's coming and going: `action address`.
    fileprivate func access(of user: UserID) async throws -> [String] {
        try await world.owner.read(
            """
            SELECT a.action, coalesce(c.content::jsonb #>> '{about,address}', 'nowhere') AS address
            FROM audit a LEFT JOIN audit_contents c ON c.audit_id = a.id
            WHERE a.subject_id = \(user) AND a.action LIKE 'access.%' ORDER BY a.id
            """
        ).map { "\(try $0.decode("action", as: String.self)) \(try $0.decode("address", as: String.self))" }
    }
}
