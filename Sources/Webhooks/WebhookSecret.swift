import Crypto
public import Domain
public import FoundationEssentials

/// The key from which all webhook secrets are derived: `EM_WEBHOOK_KEY`, the same in every service that uses it.
///
/// No subscription secret is stored, so a copy of the database can't sign anything.
public struct WebhookKey: Sendable, CustomStringConvertible {
    let bytes: [UInt8]

    /// What is wrong with a key; continues "EM_WEBHOOK_KEY …".
    public struct Refusal: Error, Sendable, CustomStringConvertible {
        public let description: String
    }

    /// A new random key.
    public init() {
        bytes = SymmetricKey(size: .bits256).withUnsafeBytes { Array($0) }
    }

    /// - Parameter text: base64url of 32 bytes (RFC 4648 §5, no padding).
    /// - Throws: ``Refusal`` when it is anything else, or no random key.
    public init(_ text: String) throws(Refusal) {
        guard let bytes = Base64URL.decode(text), bytes.count == 32 else {
            throw Refusal(description: "must be base64url of 32 random bytes; `api-service keys generate` makes one")
        }
        // Random bytes have more than that many different values among them: a pattern is a placeholder.
        guard Set(bytes).count > 16 else {
            throw Refusal(description: "looks like a placeholder; `api-service keys generate` makes one")
        }
        self.bytes = bytes
    }

    /// Its text form. A secret.
    public var text: String { Base64URL.encode(bytes) }

    public var description: String { "WebhookKey" }
}

/// The secret of one subscription in one generation: two keys, of which its owner uses either. Standard Webhooks 1.0
/// (github.com/standard-webhooks), "Signature scheme".
public struct WebhookSecret: Sendable, CustomStringConvertible {
    private let symmetric: SymmetricKey
    private let signing: Curve25519.Signing.PrivateKey

    /// Deterministic for a key, subscription and generation.
    ///
    /// HKDF-SHA256 (RFC 5869): knowing one secret reveals nothing about another.
    public init(_ key: WebhookKey, subscription: SubscriptionID, generation: Int) {
        func derive(_ use: String) -> SymmetricKey {
            HKDF<SHA256>.deriveKey(
                inputKeyMaterial: SymmetricKey(data: key.bytes),
                info: Array("\(use)/\(subscription)/\(generation)".utf8), outputByteCount: 32)
        }
        self.init(symmetric: derive("em-webhook"), seed: derive("em-webhook-ed25519"))
    }

    init(symmetric: SymmetricKey, seed: SymmetricKey) {
        self.symmetric = symmetric
        guard
            let signing = seed.withUnsafeBytes({ try? Curve25519.Signing.PrivateKey(rawRepresentation: $0) })
        else { preconditionFailure("any 32 bytes are an Ed25519 seed (RFC 8032 §5.1.5)") }
        self.signing = signing
    }

    /// The verification secret for `v1`. A secret.
    public var secret: String { "whsec_" + symmetric.withUnsafeBytes { Data($0).base64EncodedString() } }

    /// The verification key for `v1a`.
    public var publicKey: String { "whpk_" + signing.publicKey.rawRepresentation.base64EncodedString() }

    public var description: String { "WebhookSecret" }

    /// The value of `webhook-signature`: `v1,… v1a,…`.
    /// - Parameters:
    ///   - id: the message's; contains no dot.
    ///   - timestamp: of this attempt, in seconds since 1970.
    public func signatures(id: MessageID, timestamp: Int, body: [UInt8]) throws -> String {
        try signatures(id: id.description, timestamp: timestamp, body: body)
    }

    func signatures(id: String, timestamp: Int, body: [UInt8]) throws -> String {
        let content = Array("\(id).\(timestamp).".utf8) + body
        let code = Data(HMAC<SHA256>.authenticationCode(for: content, using: symmetric))
        return "v1,\(code.base64EncodedString()) v1a,\(try signing.signature(for: content).base64EncodedString())"
    }
}

/// The secrets that sign a subscription's deliveries.
public struct WebhookSecrets: Sendable {
    /// How long the previous generation signs alongside the newest, in seconds: the time a receiver has for the
    /// rotation.
    public static let overlap = 86_400.0

    private let secrets: [WebhookSecret]

    /// - Parameter rotatedAt: when the newest generation was created; nil for the first.
    public init(
        _ key: WebhookKey, subscription: SubscriptionID, generation: Int, rotatedAt: Date?, at now: Date
    ) {
        let old = rotatedAt.map { now < $0 + Self.overlap } == true && generation > 1 ? [generation - 1] : []
        secrets = ([generation] + old).map { WebhookSecret(key, subscription: subscription, generation: $0) }
    }

    /// The value of `webhook-signature`, the newest secret's first.
    public func signatures(id: MessageID, timestamp: Int, body: [UInt8]) throws -> String {
        try secrets.map { try $0.signatures(id: id, timestamp: timestamp, body: body) }.joined(separator: " ")
    }
}
