import Crypto
import Domain
import FoundationEssentials
import Testing

@testable import Webhooks

@Suite("Webhook secrets")
struct WebhookSecretTests {
    private let key: WebhookKey
    private let subscription: SubscriptionID

    init() throws {
        key = try WebhookKey("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8")
        subscription = try #require(SubscriptionID("0193a5b0-0000-7000-8000-000000000001"))
    }

    @Test("v1 and v1a are what Standard Webhooks' own libraries make of the same keys")
    func published() throws {
        // The vectors of the reference implementation's tests (libraries/go).
        let symmetric = try #require(Data(base64Encoded: "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))
        let seed = try #require(Data(base64Encoded: "VEVTVFNJR05JTkdLRVlET05PVFVTRVRISVNGT1JBTlk="))
        let secret = WebhookSecret(symmetric: SymmetricKey(data: symmetric), seed: SymmetricKey(data: seed))
        let body = Array(#"{"test": 2432232314}"#.utf8)
        let signatures = try secret.signatures(id: "msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp: 1_614_265_330, body: body)
            .split(separator: " ")
        #expect(signatures.count == 2)
        #expect(signatures.first == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
        // swift-crypto's Ed25519 signs with randomness of its own on some systems: what counts is that it verifies.
        let v1a = try #require(signatures.last?.dropFirst(4)).description
        let content = Array("msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.".utf8) + body
        let publicKey = try Curve25519.Signing.PrivateKey(rawRepresentation: seed).publicKey
        #expect(publicKey.isValidSignature(try #require(Data(base64Encoded: v1a)), for: content))
        let reference = "tQ9V2XOqn7jL/DQenEFpqIugdBVtiMmER5mhSkXBNwM0mkATuDe6KYYUuxqtaiHeYGb7KaaBRdM5WqyeFiL8Ag=="
        #expect(publicKey.isValidSignature(try #require(Data(base64Encoded: reference)), for: content))
    }

    @Test("a secret is always the same, and another for every subscription and generation")
    func derived() throws {
        let secret = WebhookSecret(key, subscription: subscription, generation: 1)
        #expect(secret.secret == WebhookSecret(key, subscription: subscription, generation: 1).secret)
        #expect(secret.publicKey == WebhookSecret(key, subscription: subscription, generation: 1).publicKey)
        let others = [
            secret, WebhookSecret(key, subscription: subscription, generation: 2),
            WebhookSecret(key, subscription: SubscriptionID(), generation: 1),
            WebhookSecret(WebhookKey(), subscription: subscription, generation: 1),
        ]
        #expect(Set(others.map(\.secret)).count == 4)
        #expect(Set(others.map(\.publicKey)).count == 4)
        // 24 to 64 bytes, says the specification.
        #expect(try #require(Data(base64Encoded: String(secret.secret.dropFirst(6)))).count == 32)
    }

    @Test("a secret is HKDF-SHA256 of the key, as any other language would derive it")
    func independent() {
        // hmac(hmac(32 zero bytes, key), info + 0x01), by Python's hashlib.
        let secret = WebhookSecret(key, subscription: subscription, generation: 1)
        #expect(secret.secret == "whsec_JKnWat+u2Ovl4xuoL6br7dlkZaDGLI5b3lsuP/iOcRQ=")
    }

    @Test(
        "for a day after a rotation the old secret signs beside the new one", arguments: [(86_399.0, 4), (86_400.0, 2)])
    func rotation(age: Double, expected: Int) throws {
        let now = Date()
        let secrets = WebhookSecrets(
            key, subscription: subscription, generation: 2, rotatedAt: now - age, at: now)
        let signatures = try secrets.signatures(id: MessageID(), timestamp: 1, body: []).split(separator: " ")
        #expect(signatures.count == expected)
        let first = WebhookSecrets(key, subscription: subscription, generation: 1, rotatedAt: nil, at: now)
        #expect(try first.signatures(id: MessageID(), timestamp: 1, body: []).split(separator: " ").count == 2)
    }

    @Test(
        "a key that is none is refused",
        arguments: [
            "", "short", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        ])
    func refused(text: String) {
        #expect(throws: WebhookKey.Refusal.self) { try WebhookKey(text) }
    }

    @Test("neither key nor secret shows itself in a log line")
    func silent() {
        #expect("\(key)" == "WebhookKey")
        #expect("\(WebhookSecret(key, subscription: subscription, generation: 1))" == "WebhookSecret")
    }
}
