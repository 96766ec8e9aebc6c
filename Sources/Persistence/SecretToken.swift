import Crypto
import Domain

/// An opaque token: 256 random bits in base64url. It is stored as its SHA-256 only; a hash without salt will do, since
/// there is nothing to guess.
public struct SecretToken: Sendable {
    public let text: String

    /// A new one.
    public init() {
        var generator = SystemRandomNumberGenerator()
        text = Base64URL.encode((0..<32).map { _ in UInt8.random(in: .min ... .max, using: &generator) })
    }

    /// One that a client sent; nil when it can't be one of ours.
    public init?(_ text: String) {
        guard text.utf8.count == 43, Base64URL.decode(text)?.count == 32 else { return nil }
        self.text = text
    }

    public var hash: [UInt8] { Array(SHA256.hash(data: Array(text.utf8))) }
}
