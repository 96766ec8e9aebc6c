import Access
import Domain
import FoundationEssentials
import Persistence
import Postgres

/// A signed-in client's tokens: the access token for its memory, the refresh token for its cookie.
struct SessionGrant: Sendable {
    var user: User
    var accessToken: String
    var expiresIn: Int
    var refreshToken: SecretToken
}

/// Opens sessions: the last step of sign-up and sign-in.
struct OpenSession: Sendable {
    /// How long an unused session lasts.
    static let lifetime: TimeInterval = 30 * 24 * 3600

    let stores: Stores
    let issuer: AccessTokenIssuer
    let accessLog: AccessLog
    let clock: @Sendable () -> Date

    /// Starts a family of refresh tokens within the caller's transaction.
    /// - Parameter origin: shown in the person's list of sessions, and recorded.
    func perform(for user: User, from origin: RequestOrigin, on transaction: Transaction) async throws -> SessionGrant {
        let now = clock()
        let session = SessionID()
        let refreshToken = SecretToken()
        try await stores.sessions.create(
            session, user: user.id, device: origin.device, tokenHash: refreshToken.hash,
            expiresAt: now.addingTimeInterval(Self.lifetime), now: now, on: transaction)
        try await accessLog.signedIn(user.id, from: origin, on: transaction)
        return try await grant(user, session, refreshToken, now: now)
    }

    func grant(
        _ user: User, _ session: SessionID, _ refreshToken: SecretToken, now: Date
    ) async throws -> SessionGrant {
        let (token, expiresAt) = try await issuer.issue(
            userID: user.id, role: user.role, sessionID: session, now: now)
        return SessionGrant(
            user: user, accessToken: token, expiresIn: Int(expiresAt.timeIntervalSince(now)),
            refreshToken: refreshToken)
    }
}
