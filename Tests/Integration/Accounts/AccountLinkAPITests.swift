import Domain
import FoundationEssentials
import Persistence
import Postgres
import Testing
import TestSupport

@Suite("Account mails over HTTP")
struct AccountLinkAPITests {
    static let verificationRequired = ["EM_REQUIRE_VERIFIED_EMAIL": "true"]
    static let newPassword = "another horse, another staple"

    @Test("a new password: the old one and every session are over, and the link with them")
    func reset() async throws {
        try await APIWorld.run { api in
            let user = try await api.signUp()
            let link = try await api.link(of: user.id, .resetPassword)
            let sibling = try await api.link(of: user.id, .resetPassword)
            #expect(try await api.reset(link.text, "short").fields == ["password"])
            #expect(try await api.reset(link.text, Self.newPassword).status == 204)
            for token in [link, sibling, SecretToken()] {
                #expect(try await api.reset(token.text, Self.newPassword).problem == "link-invalid")
            }
            let email = try await api.email(of: user.id)
            #expect(try await api.logIn(email, APIWorld.password).problem == "invalid-credentials")
            #expect(try await api.logIn(email, Self.newPassword).status == 200)
            let refreshed = try await api.client.post(
                "/api/v1/auth/refresh", headers: ["Cookie": user.cookie, "X-EM-CSRF": "1"])
            #expect(refreshed.problem == "not-authenticated")
            #expect(try await api.jobs() == ["account.passwordChanged \(user.id)"])
            #expect(try await api.world.users.find(user.id)?.emailVerifiedAt != nil)
        }
    }

    @Test("an expired link, a link for something else and what is no token get the same answer as a used one")
    func badLinks() async throws {
        try await APIWorld.run { api in
            let user = try await api.signUp()
            let expired = try await api.link(of: user.id, .resetPassword, madeAt: Date() - 3601)
            let other = try await api.link(of: user.id, .verifyEmail)
            for token in [expired.text, other.text, "", "x", String(repeating: "A", count: 5000)] {
                let answer = try await api.reset(token, Self.newPassword)
                #expect(answer.status == 410)
                #expect(answer.problem == "link-invalid")
            }
            let missing = try await api.client.post("/api/v1/auth/password-reset/confirm", "{}")
            #expect(Set(missing.fields) == ["token", "password"])
            #expect(try await api.logIn(api.email(of: user.id), APIWorld.password).status == 200)
            let verified = try await api.client.post("/api/v1/auth/verify-email", #"{"token":"\#(other.text)"}"#)
            #expect(verified.status == 204)
            let again = try await api.client.post("/api/v1/auth/verify-email", #"{"token":"\#(other.text)"}"#)
            #expect(again.status == 410)
        }
    }

    @Test("asking for a mail says and writes the same, whether or not there is an account")
    func noEnumeration() async throws {
        try await APIWorld.run { api in
            let user = try await api.signUp()
            let email = try await api.email(of: user.id)
            for path in ["password-reset", "verify-email/resend"] {
                var seen: Set<String> = []
                for address in [email, email.uppercased(), "nobody@example.com"] {
                    let before = try await api.jobs().count
                    let answer = try await api.client.post("/api/v1/auth/\(path)", #"{"email":"\#(address)"}"#)
                    #expect(answer.status == 202 && answer.body.isEmpty)
                    seen.insert(Self.comparable(answer))
                    #expect(try await api.jobs().count == before + 1)
                }
                #expect(seen.count == 1)
                #expect(try await api.client.post("/api/v1/auth/\(path)", #"{"email":"no"}"#).fields == ["email"])
            }
            let known = try await api.jobs().filter { $0.hasSuffix("\(user.id)") }
            #expect(known.count == 4)
        }
    }

    @Test("with confirmation asked for, signing up answers alike, and signs in only whoever has confirmed")
    func verificationRequired() async throws {
        try await APIWorld.run(settings: Self.verificationRequired) { api in
            let first = try await api.signUp(as: "tess@example.com", APIWorld.password)
            let second = try await api.signUp(as: "tess@example.com", Self.newPassword)
            #expect(first.status == 202 && first.body.isEmpty)
            #expect(Self.comparable(first) == Self.comparable(second))
            let user = try #require(try await api.world.users.credentials(email: "tess@example.com")).user
            #expect(
                try await api.jobs() == ["account.verifyEmail \(user.id)", "account.alreadyRegistered \(user.id)"])
            let audited = try await api.world.owner.read("SELECT 1 FROM audit WHERE subject_id = \(user.id)")
            #expect(audited.count == 2)

            #expect(try await api.logIn("tess@example.com", Self.newPassword).problem == "invalid-credentials")
            let early = try await api.logIn("tess@example.com", APIWorld.password)
            #expect(early.status == 403 && early.problem == "email-not-verified")
            let link = try await api.link(of: user.id, .verifyEmail)
            let verified = try await api.client.post("/api/v1/auth/verify-email", #"{"token":"\#(link.text)"}"#)
            #expect(verified.status == 204)
            #expect(try await api.logIn("tess@example.com", APIWorld.password).status == 200)
        }
    }

    @Test("with confirmation asked for, a session from before takes no place until the address is confirmed")
    func registering() async throws {
        try await APIWorld.run(settings: Self.verificationRequired) { api in
            let owner = try await api.world.person(role: .organizer)
            let event = try await api.world.event(of: owner, capacity: 5)
            _ = try await api.signUp(as: "tess@example.com", APIWorld.password)
            let user = try #require(try await api.world.users.credentials(email: "tess@example.com")).user
            try await api.verify(user.id)
            let answer = try await api.logIn("tess@example.com", APIWorld.password)
            let token = try #require(answer.string("accessToken"))
            try await api.world.owner.execute("UPDATE users SET email_verified_at = NULL WHERE id = \(user.id)")
            let refused = try await api.client.post("/api/v1/events/\(event)/registrations", token: token)
            #expect(refused.status == 403 && refused.problem == "email-not-verified")
            try await api.verify(user.id)
            #expect(try await api.client.post("/api/v1/events/\(event)/registrations", token: token).status == 201)
        }
    }

    /// Status, headers and body, without what differs between any two answers. How many mails may still be asked for
    /// counts by address, whether or not it has an account.
    private static func comparable(_ answer: Answer) -> String {
        let headers = answer.headers.filter { !["traceparent", "date", "ratelimit"].contains($0.key) }
        return "\(answer.status) \(headers.sorted { $0.key < $1.key }) \(answer.text)"
    }
}

extension APIWorld {
    /// Does what notifications does when it sends a link; one that proves an address is the sign-up's own.
    fileprivate func link(
        of user: UserID, _ purpose: AccountLinkPurpose, madeAt now: Date = Date()
    ) async throws -> SecretToken {
        let token = SecretToken()
        try await AccountLinkStore(world.database).create(
            token.hash, of: user, for: purpose, keepsSignUp: purpose == .verifyEmail, now: now)
        return token
    }

    fileprivate func verify(_ user: UserID) async throws {
        try await world.database.transaction { transaction in
            try await world.users.markEmailVerified(user, at: Date(), on: transaction)
        }
    }

    fileprivate func email(of user: UserID) async throws -> String { try await world.users.find(user)?.email ?? "" }

    fileprivate func logIn(_ email: String, _ password: String) async throws -> Answer {
        try await client.post("/api/v1/auth/login", #"{"email":"\#(email)","password":"\#(password)"}"#)
    }

    fileprivate func reset(_ token: String, _ password: String) async throws -> Answer {
        try await client.post(
            "/api/v1/auth/password-reset/confirm", #"{"token":"\#(token)","password":"\#(password)"}"#)
    }

    fileprivate func signUp(as email: String, _ password: String) async throws -> Answer {
        try await client.post(
            "/api/v1/auth/register", #"{"email":"\#(email)","password":"\#(password)","displayName":"Tess"}"#)
    }

    /// The account mails asked for so far: `kind user`.
    fileprivate func jobs() async throws -> [String] {
        try await world.database.read("SELECT data FROM outbox WHERE type = 'account.mail' ORDER BY id").map {
            let data = try WireJSON.decode(
                AccountMailData.self, from: Array(try $0.decode("data", as: String.self).utf8))
            return "\(data.kind.rawValue) \(data.userId)"
        }
    }
}
