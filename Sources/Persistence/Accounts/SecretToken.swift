import Crypto
import Domain

/// An opaque token: 256 random bits in base64url. It is stored as its SHA-256 only; a hash without salt will do, since
/// there is nothing to guess.
public struct SecretToken: Sendable {
    public let text: String

    /// A new one.
    public init() { text = Base64URL.encode(Self.salt()) }

    /// One that a client sent; nil when it can't be one of ours.
    public init?(_ text: String) {
        guard text.utf8.count == 43, Base64URL.decode(text)?.count == 32 else { return nil }
        self.text = text
    }

    public var hash: [UInt8] { Array(SHA256.hash(data: Array(text.utf8))) }

    /// The token that this one is exchanged for: HMAC-SHA-256 of this one under the salt. Whoever has one of the two
    /// knows nothing of it.
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
