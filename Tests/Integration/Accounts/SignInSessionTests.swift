import Crypto
import Domain
import FoundationEssentials
import Testing
import TestSupport

@Suite("Sessions over HTTP")
struct SignInSessionTests {
    @Test("signing up signs in, and the refresh token only travels in a guarded cookie")
    func signUp() async throws {
        try await APIWorld.run { api in
            let answer = try await api.client.post(
                "/api/v1/auth/register",
                #"{"email":" Tess@Example.com ","password":"long enough","displayName":"Tess"}"#)
            #expect(answer.status == 201)
            let cookie = try #require(answer.headers["set-cookie"])
            for attribute in ["__Host-em_refresh=", "HttpOnly", "SameSite=Strict", "Path=/;", "Secure"] {
                #expect(cookie.contains(attribute))
            }
            #expect(!cookie.contains("Domain"))
            let secret = cookie.dropFirst("__Host-em_refresh=".count).prefix { $0 != ";" }
            #expect(!answer.text.contains(secret))
            let token = try #require(answer.string("accessToken"))
            let account = try await api.client.get("/api/v1/me", token: token)
            #expect(account.string("email") == "tess@example.com")
            let again = try await api.client.post(
                "/api/v1/auth/register",
                #"{"email":"TESS@example.com","password":"long enough","displayName":"Tess"}"#)
            #expect(again.status == 409)
            #expect(again.problem == "email-taken")
        }
    }

    @Test("a wrong password and an unknown address get the same answer")
    func wrongCredentials() async throws {
        try await APIWorld.run { api in
            let body = #"{"email":"tess@example.com","password":"long enough","displayName":"Tess"}"#
            _ = try await api.client.post("/api/v1/auth/register", body)
            for (email, password) in [
                ("tess@example.com", "wrong enough"), ("nobody@example.com", "long enough"), ("no address", "x"),
                ("tess@example.com", ""), ("tess@example.com\\u0000", "long enough"),
            ] {
                let answer = try await api.client.post(
                    "/api/v1/auth/login", #"{"email":"\#(email)","password":"\#(password)"}"#)
                #expect(answer.status == 401)
                #expect(answer.problem == "invalid-credentials")
            }
            let right = try await api.client.post(
                "/api/v1/auth/login", #"{"email":"Tess@example.com","password":"long enough"}"#)
            #expect(right.status == 200)
        }
    }

    @Test("the cookie rotates; an old one used again ends the session for everybody who holds a part of it")
    func rotation() async throws {
        try await APIWorld.run { api in
            let user = try await api.signUp()
            func refresh(_ cookie: String, _ more: [String: String] = ["X-EM-CSRF": "1"]) async throws -> Answer {
                try await api.client.post("/api/v1/auth/refresh", headers: more.merging(["Cookie": cookie]) { $1 })
            }
            #expect(try await refresh(user.cookie, [:]).status == 403)
            #expect(try await refresh(user.cookie, ["X-EM-CSRF": "1", "Origin": "http://evil.example"]).status == 403)
            #expect(try await refresh("other=1").problem == "not-authenticated")
            #expect(try await refresh("__Host-em_refresh=short").status == 401)

            let second = try await refresh(user.cookie, ["X-EM-CSRF": "1", "Origin": APIWorld.origin])
            #expect(second.status == 200)
            let cookie = String(try #require(second.headers["set-cookie"]).prefix { $0 != ";" })
            #expect(cookie != user.cookie)
            // The answer got lost: asked again, the same one comes.
            let repeated = try await refresh(user.cookie)
            #expect(repeated.status == 200 && repeated.headers["set-cookie"]?.hasPrefix(cookie + ";") == true)
            #expect(try await refresh(cookie).status == 200)
            // The first one is a grandparent now.
            #expect(try await refresh(user.cookie).status == 401)
            #expect(try await refresh(cookie).status == 401)
        }
    }

    @Test("signing out ends the session, and asks for no session")
    func logOut() async throws {
        try await APIWorld.run { api in
            let user = try await api.signUp()
            let headers = ["X-EM-CSRF": "1", "Cookie": user.cookie]
            let out = try await api.client.post("/api/v1/auth/logout", headers: headers)
            #expect(out.status == 204)
            #expect(out.headers["set-cookie"]?.contains("Max-Age=0") == true)
            #expect(try await api.client.post("/api/v1/auth/refresh", headers: headers).status == 401)
            #expect(try await api.client.post("/api/v1/auth/logout", headers: headers).status == 204)
        }
    }

    @Test("an expired token is told from a forged one")
    func tokens() async throws {
        try await APIWorld.run { api in
            let user = try await api.signUp()
            func token(role: String = "user", issued: Int, lifetime: Int = 900, tampered: Bool = false) throws -> String
            {
                let jwks = Array(api.accessKey.publicKey.rawRepresentation)
                let thumbprint = #"{"crv":"Ed25519","kty":"OKP","x":"\#(base64URL(jwks))"}"#
                let kid = base64URL(SHA256.hash(data: Array(thumbprint.utf8)))
                let head = #"{"alg":"EdDSA","typ":"at+jwt","kid":"\#(kid)"}"#
                let body =
                    #"{"iss":"\#(APIWorld.origin)","aud":"em-connect","sub":"\#(user.id)","#
                    + #""sid":"\#(SessionID())","role":"\#(role)","iat":\#(issued),"exp":\#(issued + lifetime)}"#
                let input = base64URL(Array(head.utf8)) + "." + base64URL(Array(body.utf8))
                let signature = try api.accessKey.signature(for: Array((tampered ? input + "x" : input).utf8))
                return input + "." + base64URL(signature)
            }
            let now = Int(Date().timeIntervalSince1970)
            #expect(try await api.client.get("/api/v1/me", token: token(issued: now)).status == 200)
            let expired = try await api.client.get("/api/v1/me", token: token(issued: now - 1000))
            #expect(expired.status == 401)
            #expect(expired.problem == "token-expired")
            for bad in [try token(issued: now, tampered: true), try token(issued: now + 3600), "x", "a.b.c", ""] {
                let answer = try await api.client.get("/api/v1/me", token: bad)
                #expect(answer.status == 401)
                #expect(answer.problem == "not-authenticated")
            }
            // A token is looked at also where none is needed, so that a client learns that it has to refresh.
            #expect(try await api.client.get("/api/v1/events", token: token(issued: now - 1000)).status == 401)
        }
    }
}
