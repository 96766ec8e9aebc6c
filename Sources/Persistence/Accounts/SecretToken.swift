import Crypto
import Domain

/// An opaque token: 256 random bits in base64url. Only its SHA-256 is stored; unsalted, because random bits can't be
/// guessed.
public struct SecretToken: Sendable {
    public let text: String

    /// A new one.
    public init() { text = Base64URL.encode(Self.salt()) }

    /// A token sent by a client; nil if it can't be one of ours.
    public init?(_ text: String) {
        guard text.utf8.count == 43, Base64URL.decode(text)?.count == 32 else { return nil }
        self.text = text
    }

    public var hash: [UInt8] { Array(SHA256.hash(data: Array(text.utf8))) }

    /// The token that this one is exchanged for: HMAC-SHA-256 of this one with the salt as the key. Knowing one of the
    /// two reveals nothing about the other.
    func successor(salt: [UInt8]) -> SecretToken {
        let code = HMAC<SHA256>.authenticationCode(for: Array(text.utf8), using: SymmetricKey(data: salt))
        return SecretToken(derived: Array(code))
    }

    private init(derived bytes: [UInt8]) { text = Base64URL.encode(bytes) }

    /// 32 random bytes.
    static func salt() -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    }
}
