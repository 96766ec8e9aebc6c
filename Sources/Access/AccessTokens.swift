import Crypto
public import Domain
public import FoundationEssentials
import JWTKit
import Synchronization

/// The claims of an access token (RFC 9068, as far as one installation needs it).
struct AccessClaims: JWTPayload {
    var iss: String
    var aud: AudienceClaim
    var sub: UserID
    var sid: SessionID
    var role: Role
    var iat: Int
    var exp: Int

    /// The verifier checks the claims itself, against its own clock.
    func verify(using algorithm: some JWTAlgorithm) async throws {}
}

/// The common properties of access tokens.
public enum AccessToken {
    /// The lifetime: long enough to be cheap, short enough that a changed role takes effect soon.
    public static let lifetime: Duration = .seconds(15 * 60)
    static let audience = "em-connect"
    static let type = "at+jwt"
    static let algorithm = "EdDSA"
    /// A token is a few hundred bytes; longer ones are not decoded.
    static let maximumLength = 2048
}

/// The issuer of access tokens: EdDSA, `typ at+jwt`, with `kid iss aud sub sid role iat exp`.
public struct AccessTokenIssuer: Sendable {
    public let keys: AccessKeys
    private let issuer: String

    /// - Parameter issuer: the product's public address.
    public init(keys: AccessKeys, issuer: String) {
        self.keys = keys
        self.issuer = issuer
    }

    /// A token for a signed-in person, valid for ``AccessToken/lifetime`` from `now`.
    public func issue(
        userID: UserID, role: Role, sessionID: SessionID, now: Date = Date()
    ) async throws -> (token: String, expiresAt: Date) {
        let issuedAt = Int(now.timeIntervalSince1970.rounded(.down))
        let expiry = issuedAt + Int(AccessToken.lifetime.components.seconds)
        let claims = AccessClaims(
            iss: issuer, aud: AudienceClaim(value: [AccessToken.audience]), sub: userID, sid: sessionID, role: role,
            iat: issuedAt, exp: expiry)
        let key = keys.signing
        let kid = JWKIdentifier(string: key.verificationKey.id)
        let signer = await JWTKeyCollection().add(eddsa: EdDSA.PrivateKey(backing: key.privateKey), kid: kid)
        let token = try await signer.sign(
            claims, kid: kid,
            header: ["typ": .string(AccessToken.type), "alg": .string(AccessToken.algorithm)])
        return (token, Date(timeIntervalSince1970: TimeInterval(expiry)))
    }
}

/// Why a token was refused.
public enum AccessTokenError: Error, Sendable, Hashable {
    /// Ours and intact, but expired.
    case expired
    /// Anything else: malformed, forged, meant for others, not yet valid.
    case invalid
}

/// The verifier of access tokens, with known public keys.
///
/// The header decides nothing: the algorithm must be EdDSA, the key is found by `kid` among the known ones only, and
/// `jwk`, `jku`, `x5c`, `x5u` and `crit` are refused outright (RFC 8725).
public final class AccessTokenVerifier: Sendable {
    /// The keys, and the tokens verified with them: replaced together.
    private struct Known {
        let set: KeySet
        let ids: Set<String>
        let keys: JWTKeyCollection
        let verified = VerifiedTokens()

        init(_ set: KeySet) async throws {
            self.set = set
            ids = Set(set.keys.map(\.id))
            keys = JWTKeyCollection()
            for key in set.keys {
                await keys.add(
                    eddsa: EdDSA.PublicKey(backing: try key.publicKey), kid: JWKIdentifier(string: key.id))
            }
            // Without a default, a token whose `kid` is unknown finds no key at all.
            await keys.clearDefault()
        }
    }

    private let issuer: String
    private let known: Mutex<Known>
    private let parser = DefaultJWTParser()

    /// The tolerated clock difference for `iat`; there is none for expiry.
    private static let leeway = 30

    public init(keySet: KeySet, issuer: String) async throws {
        self.issuer = issuer
        known = Mutex(try await Known(keySet))
    }

    /// Replaces the keys: a token of a removed key is refused from now on, even if it was verified before.
    public func follow(_ keySet: KeySet) async throws {
        if known.withLock({ $0.set == keySet }) { return }
        let fresh = try await Known(keySet)
        known.withLock { $0 = fresh }
    }

    /// - Parameter jwks: a JSON Web Key Set, for example the value of `EM_ACCESS_TOKEN_PUBLIC_KEYS`.
    public convenience init(jwks: String, issuer: String) async throws {
        try await self.init(keySet: KeySet(json: jwks), issuer: issuer)
    }

    /// - Returns: the token's principal.
    public func verify(_ token: String, now: Date = Date()) async throws(AccessTokenError) -> Principal {
        guard token.utf8.count <= AccessToken.maximumLength else { throw .invalid }
        let bytes = Array(token.utf8)
        let digest = SHA256.hash(data: bytes)
        let known = known.withLock { $0 }
        let verified = known.verified
        let claims: AccessClaims
        if let seen = verified.claims(of: digest) {
            claims = seen
        } else {
            do {
                let parts = token.split(separator: ".", omittingEmptySubsequences: false)
                guard parts.count == 3, parts.allSatisfy({ Base64URL.decode(String($0)) != nil }) else {
                    throw AccessTokenError.invalid
                }
                guard Self.isFlat(Array(parts[0].utf8)),
                    acceptable(try parser.parse(bytes, as: AccessClaims.self).header, known.ids)
                else { throw AccessTokenError.invalid }
                claims = try await known.keys.verify(bytes, as: AccessClaims.self)
            } catch {
                throw .invalid
            }
            verified.insert(claims, for: digest)
        }
        let seconds = Int(now.timeIntervalSince1970.rounded(.down))
        guard claims.iss == issuer, claims.aud.value == [AccessToken.audience],
            claims.iat <= seconds + Self.leeway, claims.exp > claims.iat,
            claims.exp - claims.iat <= Int(AccessToken.lifetime.components.seconds)
        else { throw .invalid }
        guard claims.exp > seconds else { throw .expired }
        return Principal(
            userID: claims.sub, role: claims.role, sessionID: claims.sid,
            expiresAt: Date(timeIntervalSince1970: TimeInterval(claims.exp)))
    }

    /// Whether a header contains only strings, as ours do: the parser is superlinear for nested values, and anyone can
    /// send a token.
    private static func isFlat(_ header: [UInt8]) -> Bool {
        guard let text = Base64URL.decode(String(decoding: header, as: UTF8.self)) else { return false }
        do {
            return try JSONDocument(text).root.members?.values.allSatisfy { $0.string != nil } ?? false
        } catch {
            return false
        }
    }

    private func acceptable(_ header: JWTHeader, _ knownKeys: Set<String>) -> Bool {
        guard header.alg == AccessToken.algorithm, header.typ == AccessToken.type, let kid = header.kid,
            knownKeys.contains(kid)
        else { return false }
        return ["jwk", "jku", "x5c", "x5u", "crit"].allSatisfy { header.fields[$0] == nil }
    }
}
