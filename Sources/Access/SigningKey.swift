public import Crypto
import Domain
import FoundationEssentials

/// A key that can't be used.
public struct KeyError: Error, Sendable, CustomStringConvertible {
    public let description: String

    init(_ description: String) { self.description = description }
}

/// An Ed25519 private key (RFC 8032) with its key id.
///
/// Its text form is base64url (RFC 4648 §5, no padding) of the 32-byte seed. It is never printed: the description shows
/// the key id.
public struct SigningKey: Sendable, CustomStringConvertible {
    public let privateKey: Curve25519.Signing.PrivateKey

    /// A new random key.
    public init() { privateKey = Curve25519.Signing.PrivateKey() }

    /// - Parameter seed: base64url of 32 bytes.
    /// - Throws: ``KeyError`` when it is anything else.
    public init(seed: String) throws(KeyError) {
        guard let bytes = Base64URL.decode(seed), bytes.count == 32 else {
            throw KeyError("must be base64url of a 32-byte Ed25519 seed; `api-service keys generate` makes one")
        }
        // Random bytes have more than that many different values among them: a pattern is a placeholder.
        guard Set(bytes).count > 16 else {
            throw KeyError("looks like a placeholder; `api-service keys generate` makes one")
        }
        do {
            privateKey = try Curve25519.Signing.PrivateKey(rawRepresentation: bytes)
        } catch {
            throw KeyError("is not an Ed25519 key")
        }
    }

    /// The seed's text form. A secret.
    public var seed: String { Base64URL.encode(privateKey.rawRepresentation) }

    public var verificationKey: VerificationKey { VerificationKey(privateKey.publicKey) }

    public var description: String { "Ed25519 key \(verificationKey.id)" }
}

extension SigningKey {
    /// The end of a compact JWS after its signing input (``JWSInput``): a dot and the signature.
    public func jwsSignature(of input: [UInt8]) throws -> [UInt8] {
        [UInt8(ascii: ".")] + Base64URL.encoded(try privateKey.signature(for: input))
    }
}

/// The signing input of a compact JWS (RFC 7515 §7.1), verifiable by `/.well-known/jwks.json`. Appended data is encoded
/// at once, so that a payload of many megabytes is in memory only once.
public struct JWSInput {
    public private(set) var text: [UInt8]
    /// The one or two bytes that don't fill a group of three.
    private var rest: [UInt8] = []

    /// - Parameter type: distinguishes it from everything else that the key signs.
    public init(type: String, for key: SigningKey) {
        let header = #"{"alg":"EdDSA","kid":"\#(key.verificationKey.id)","typ":"\#(type)"}"#
        text = Base64URL.encoded(Array(header.utf8)) + [UInt8(ascii: ".")]
    }

    /// Reserves space for a payload of about this size.
    public mutating func reserve(payloadBytes: Int) {
        text.reserveCapacity(text.count + payloadBytes * 4 / 3 + 128)
    }

    /// - Returns: the text added.
    @discardableResult
    public mutating func append(_ bytes: some Collection<UInt8>) -> [UInt8] {
        let all = rest + bytes
        let whole = all.count / 3 * 3
        rest = Array(all[whole...])
        let part = Base64URL.encoded(all[..<whole])
        text += part
        return part
    }

    /// - Returns: the whole text, and the part added at the end.
    public consuming func finished() -> (text: [UInt8], end: [UInt8]) {
        let end = Base64URL.encoded(rest)
        text += end
        return (text, end)
    }
}

/// An Ed25519 public key with its key id.
public struct VerificationKey: Sendable, Hashable {
    /// The JWK thumbprint (RFC 7638) of the key: the same key always has the same id, so that rotation needs no
    /// bookkeeping.
    public let id: String
    /// 32 bytes.
    public let rawKey: [UInt8]

    public init(_ key: Curve25519.Signing.PublicKey) {
        rawKey = Array(key.rawRepresentation)
        let x = Base64URL.encode(rawKey)
        id = Base64URL.encode(SHA256.hash(data: Array(#"{"crv":"Ed25519","kty":"OKP","x":"\#(x)"}"#.utf8)))
    }

    /// The key id in tickets: the first four bytes of SHA-256 over the raw key.
    public var shortID: [UInt8] { Array(SHA256.hash(data: rawKey).prefix(4)) }

    /// The key for swift-crypto.
    public var publicKey: Curve25519.Signing.PublicKey {
        get throws { try Curve25519.Signing.PublicKey(rawRepresentation: rawKey) }
    }
}

/// A JSON Web Key Set (RFC 7517) of Ed25519 keys (RFC 8037), as in `/.well-known/jwks.json`.
public struct KeySet: Sendable, Hashable {
    /// The verification keys; tokens are signed with the first.
    public let keys: [VerificationKey]

    public init(_ keys: [VerificationKey]) { self.keys = keys }

    private struct Document: Codable {
        struct Key: Codable {
            var kty: String
            var crv: String?
            var x: String?
            var kid: String?
            var alg: String?
            var use: String?
        }
        var keys: [Key]
    }

    /// Parses a set. Every key must be an Ed25519 public key: any other is reported as a mistake.
    /// - Throws: ``KeyError``.
    public init(json: String) throws(KeyError) {
        let document: Document
        do {
            document = try JSONDecoder().decode(Document.self, from: Data(json.utf8))
        } catch {
            throw KeyError("must be a JSON Web Key Set")
        }
        guard !document.keys.isEmpty else { throw KeyError("must hold at least one key") }
        var keys: [VerificationKey] = []
        for key in document.keys {
            guard key.kty == "OKP", key.crv == "Ed25519", key.alg == nil || key.alg == "EdDSA",
                let bytes = key.x.flatMap(Base64URL.decode), bytes.count == 32
            else { throw KeyError("must hold Ed25519 public keys only") }
            do {
                keys.append(VerificationKey(try Curve25519.Signing.PublicKey(rawRepresentation: bytes)))
            } catch {
                throw KeyError("holds a key that is not an Ed25519 public key")
            }
        }
        self.init(keys)
    }

    /// The set's JSON.
    public var json: String {
        let keys = keys.map {
            #"{"kty":"OKP","crv":"Ed25519","x":"\#(Base64URL.encode($0.rawKey))","kid":"\#($0.id)","#
                + #""alg":"EdDSA","use":"sig"}"#
        }
        return #"{"keys":[\#(keys.joined(separator: ","))]}"#
    }
}
