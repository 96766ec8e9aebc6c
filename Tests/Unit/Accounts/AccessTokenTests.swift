import Access
import Crypto
import Domain
import FoundationEssentials
import Testing

@Suite("Access tokens")
struct AccessTokenTests {
    private static let issuerName = "http://localhost:8080"
    private let key = SigningKey()
    private let user = UserID()
    private let session = SessionID()
    private let now = Date(timeIntervalSince1970: 1_800_000_000)

    private func verifier() async throws -> AccessTokenVerifier {
        try await AccessTokenVerifier(keySet: KeySet([key.verificationKey]), issuer: Self.issuerName)
    }

    private func token() async throws -> String {
        try await AccessTokenIssuer(keys: AccessKeys(signing: key), issuer: Self.issuerName)
            .issue(userID: user, role: .organizer, sessionID: session, now: now).token
    }

    /// A token put together by hand.
    private func forged(header: String, payload: String, key: SigningKey? = nil) throws -> String {
        let input = Base64URL.encode(Array(header.utf8)) + "." + Base64URL.encode(Array(payload.utf8))
        let signature = try (key ?? self.key).privateKey.signature(for: Array(input.utf8))
        return input + "." + Base64URL.encode(signature)
    }

    private var header: String { #"{"alg":"EdDSA","typ":"at+jwt","kid":"\#(key.verificationKey.id)"}"# }

    private func payload(
        iss: String = issuerName, aud: String = #""em-connect""#, role: String = "user", iat: Int? = nil,
        exp: Int? = nil
    ) -> String {
        let time = Int(now.timeIntervalSince1970)
        return #"{"iss":"\#(iss)","aud":\#(aud),"sub":"\#(user)","sid":"\#(session)","role":"\#(role)","#
            + #""iat":\#(iat ?? time),"exp":\#(exp ?? time + 900)}"#
    }

    private func outcome(_ token: String, at time: Date? = nil) async throws -> AccessTokenError? {
        let verifier = try await verifier()
        do throws(AccessTokenError) {
            _ = try await verifier.verify(token, now: time ?? now)
            return nil
        } catch {
            return error
        }
    }

    @Test("what was issued is verified, and says who it speaks for")
    func roundTrip() async throws {
        let principal = try await verifier().verify(try await token(), now: now)
        #expect(principal.userID == user)
        #expect(principal.sessionID == session)
        #expect(principal.role == .organizer)
        #expect(principal.expiresAt == now + 900)
        // The forger's tools work: what follows is refused for its flaw, not for a slip of the test.
        #expect(try await outcome(try forged(header: header, payload: payload())) == nil)
    }

    @Test("it ends after fifteen minutes, to the second")
    func expiry() async throws {
        let token = try await token()
        #expect(try await outcome(token, at: now + 899) == nil)
        #expect(try await outcome(token, at: now + 900) == .expired)
    }

    @Test("headers that ask for trust are refused")
    func headers() async throws {
        let kid = key.verificationKey.id
        let x = Base64URL.encode(key.verificationKey.rawKey)
        let headers = [
            #"{"alg":"none","typ":"at+jwt","kid":"\#(kid)"}"#, #"{"alg":"HS256","typ":"at+jwt","kid":"\#(kid)"}"#,
            #"{"alg":"RS256","typ":"at+jwt","kid":"\#(kid)"}"#, #"{"alg":"eddsa","typ":"at+jwt","kid":"\#(kid)"}"#,
            #"{"alg":"EdDSA","typ":"JWT","kid":"\#(kid)"}"#, #"{"alg":"EdDSA","kid":"\#(kid)"}"#,
            #"{"alg":"EdDSA","typ":"at+jwt"}"#, #"{"alg":"EdDSA","typ":"at+jwt","kid":"other"}"#,
            #"{"typ":"at+jwt","kid":"\#(kid)"}"#, #"{"alg":"EdDSA","typ":"at+jwt","kid":"\#(kid)","crit":["b64"]}"#,
            #"{"alg":"EdDSA","typ":"at+jwt","kid":"\#(kid)","jku":"http://evil/jwks"}"#,
            #"{"alg":"EdDSA","typ":"at+jwt","kid":"\#(kid)","jwk":{"kty":"OKP","crv":"Ed25519","x":"\#(x)"}}"#,
            #"{"alg":["EdDSA"],"typ":"at+jwt","kid":"\#(kid)"}"#, "[]", "x",
        ]
        for header in headers {
            #expect(try await outcome(try forged(header: header, payload: payload())) == .invalid, "\(header)")
        }
    }

    @Test("claims that were not meant for us are refused")
    func claims() async throws {
        let time = Int(now.timeIntervalSince1970)
        let payloads = [
            payload(iss: "http://evil"), payload(aud: #""other""#), payload(aud: #"["em-connect","other"]"#),
            payload(role: "root"), payload(iat: time + 3600, exp: time + 4000), payload(exp: time + 86_400),
            payload(iat: time - 10, exp: time - 10), "{}", "null", "",
            payload().replacing(user.description, with: "not-a-uuid"),
        ]
        for payload in payloads {
            #expect(try await outcome(try forged(header: header, payload: payload)) == .invalid, "\(payload)")
        }
    }

    @Test("another key's signature, a changed one and none are refused")
    func signatures() async throws {
        let token = try await token()
        let parts = token.split(separator: ".").map(String.init)
        let stranger = try forged(header: header, payload: payload(), key: SigningKey())
        let admin = Base64URL.encode(Array(payload(role: "admin").utf8))
        for bad in [
            stranger, "\(parts[0]).\(admin).\(parts[2])", "\(parts[0]).\(parts[1]).", "\(parts[0]).\(parts[1])",
            String(token.dropLast(4)) + (token.hasSuffix("AAAA") ? "QQQQ" : "AAAA"), token + ".x", "", "..",
            String(repeating: "a", count: 5000),
        ] {
            #expect(try await outcome(bad) == .invalid)
        }
    }

    @Test(
        "a new key takes over: both count for a while, then the old one's tokens are worth nothing, seen before or not")
    func rotation() async throws {
        let keys = AccessKeys(signing: key)
        let issuer = AccessTokenIssuer(keys: keys, issuer: Self.issuerName)
        let verifier = try await AccessTokenVerifier(keySet: keys.set, issuer: Self.issuerName)
        func token() async throws -> String {
            try await issuer.issue(userID: user, role: .user, sessionID: session, now: now).token
        }
        func isGood(_ token: String) async -> Bool {
            do { return try await verifier.verify(token, now: now).userID == user } catch { return false }
        }
        let next = SigningKey()
        let (seen, unseen) = (try await token(), try await token())
        #expect(await isGood(seen))
        // Published first, used later.
        #expect(keys.replace(signing: key, published: KeySet([key.verificationKey, next.verificationKey])))
        try await verifier.follow(keys.set)
        #expect(await isGood(seen))
        #expect(keys.replace(signing: next, published: KeySet([key.verificationKey, next.verificationKey])))
        #expect(keys.set.keys.first == next.verificationKey)
        let fresh = try await token()
        #expect(await isGood(fresh))
        #expect(await isGood(seen))
        // Withdrawn, because somebody stole it.
        #expect(keys.replace(signing: next, published: KeySet([next.verificationKey])))
        try await verifier.follow(keys.set)
        #expect(await isGood(fresh))
        #expect(await !isGood(seen))
        #expect(await !isGood(unseen))
        #expect(!keys.replace(signing: next, published: nil))
    }

    @Test("keys travel as a JSON Web Key Set, and nothing but Ed25519 gets in")
    func keySets() throws {
        let set = KeySet([key.verificationKey])
        #expect(try KeySet(json: set.json) == set)
        for bad in [
            "", "{}", #"{"keys":[]}"#, #"{"keys":[{"kty":"RSA","n":"x","e":"AQAB"}]}"#,
            #"{"keys":[{"kty":"OKP","crv":"X25519","x":"AAAA"}]}"#, #"{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}"#,
        ] {
            #expect(throws: KeyError.self) { try KeySet(json: bad) }
        }
    }

    @Test("a signing key is its seed, and never shows it")
    func seeds() throws {
        #expect(try SigningKey(seed: key.seed).verificationKey == key.verificationKey)
        #expect(!"\(key)".contains(key.seed))
        for bad in [
            "", "short", String(repeating: "A", count: 43), key.seed + "A", key.seed + "==", "!" + key.seed.dropFirst(),
        ] {
            #expect(throws: KeyError.self) { try SigningKey(seed: bad) }
        }
    }

    @Test("a header with a nested value is refused before anything is made of it, also when the signature is good")
    func nestedHeader() async throws {
        let plain = #"{"alg":"EdDSA","typ":"at+jwt","kid":"\#(key.verificationKey.id)""#
        #expect(try await outcome(try forged(header: plain + #","x":"y"}"#, payload: payload())) == nil)
        for value in ["[]", "{}", String(repeating: "[", count: 400) + String(repeating: "]", count: 400), "1", "null"]
        {
            #expect(
                try await outcome(try forged(header: plain + #","x":\#(value)}"#, payload: payload())) == .invalid)
        }
    }

    @Test("a token has one spelling: bits that stand for nothing are zero")
    func oneSpelling() async throws {
        let token = try await token()
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
        // 64 bytes of signature leave four bits of the last character over.
        let last = try #require(token.last.flatMap { alphabet.firstIndex(of: $0) })
        #expect(try await outcome(token) == nil)
        for bits in 1..<16 {
            #expect(try await outcome(String(token.dropLast()) + String(alphabet[last ^ bits])) == .invalid)
        }
    }
}
