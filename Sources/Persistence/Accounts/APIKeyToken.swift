import Crypto
public import Domain
import FoundationEssentials

/// An API key as its bearer sends it: `emk_`, the key's id and 32 random bytes, both in base64url, joined by `_`: 70
/// characters, in a format that scanners for leaked secrets recognize.
public struct APIKeyToken: Sendable {
    public static let prefix = "emk_"

    public let id: APIKeyID
    public let text: String

    /// A new one.
    public init(id: APIKeyID) {
        self.id = id
        let octets = withUnsafeBytes(of: id.uuid.uuid) { Array($0) }
        text = "\(Self.prefix)\(Base64URL.encode(octets))_\(SecretToken().text)"
    }

    /// A token sent by a client; nil if it can't be one of ours.
    public init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count == 70, text.hasPrefix(Self.prefix), bytes[26] == UInt8(ascii: "_"),
            let octets = Base64URL.decode(String(decoding: bytes[4..<26], as: UTF8.self)), octets.count == 16
        else { return nil }
        id = APIKeyID(octets.withUnsafeBytes { UUID(uuid: $0.loadUnaligned(as: uuid_t.self)) })
        self.text = text
    }

    /// SHA-256 of the whole; unsalted, because random bytes can't be guessed.
    public var hash: [UInt8] { Array(SHA256.hash(data: Array(text.utf8))) }
}
