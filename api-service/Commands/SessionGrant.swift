import Access
import Crypto
import Domain
import FoundationEssentials
import Persistence
import Postgres

/// What a signed-in client holds: the access token for its memory, the refresh token for its cookie.
struct SessionGrant: Sendable {
    var user: User
    var accessToken: String
    var expiresIn: Int
    var refreshToken: RefreshToken
}

/// An opaque refresh token: 256 random bits. Stored as their SHA-256 only; a hash without salt will do, since there is
/// nothing to guess.
struct RefreshToken: Sendable {
    /// How long a sign-in lasts without being used.
    static let lifetime: TimeInterval = 30 * 24 * 3600

    let text: String

    /// A new one.
    init() {
        var generator = SystemRandomNumberGenerator()
        text = Base64URL.encode((0..<32).map { _ in UInt8.random(in: .min ... .max, using: &generator) })
    }

    /// One that a client sent; nil when it can't be one of ours.
    init?(_ text: String) {
        guard text.utf8.count == 43, Base64URL.decode(text)?.count == 32 else { return nil }
        self.text = text
    }

    var hash: [UInt8] { Array(SHA256.hash(data: Array(text.utf8))) }
}

/// Opens sessions: the last step of signing up and of signing in.
struct OpenSession: Sendable {
    let stores: Stores
    let issuer: AccessTokenIssuer
    let clock: @Sendable () -> Date

    /// Starts a family of refresh tokens within the caller's transaction.
    func perform(for user: User, on transaction: Transaction) async throws -> SessionGrant {
        let now = clock()
        let session = SessionID()
        let refreshToken = RefreshToken()
        try await stores.sessions.create(
            session, user: user.id, tokenHash: refreshToken.hash,
            expiresAt: now.addingTimeInterval(RefreshToken.lifetime), on: transaction)
        return try await grant(user, session, refreshToken, now: now)
    }

    func grant(
        _ user: User, _ session: SessionID, _ refreshToken: RefreshToken, now: Date
    ) async throws -> SessionGrant {
        let (token, expiresAt) = try await issuer.issue(
            userID: user.id, role: user.role, sessionID: session, now: now)
        return SessionGrant(
            user: user, accessToken: token, expiresIn: Int(expiresAt.timeIntervalSince(now)),
            refreshToken: refreshToken)
    }
}
