import Domain
import FoundationEssentials
import Logging
import Persistence
import Postgres

/// Exchanges a refresh token for a new one and a new access token.
struct RefreshSession: Sendable {
    let stores: Stores
    let openSession: OpenSession
    let clock: @Sendable () -> Date
    let logger: Logger

    /// - Throws: ``DomainError/notAuthenticated`` if the token is unknown or expired; ``APIProblem/sessionEnded`` if it
    ///   was revoked or used twice: the latter revokes every token of the same sign-in.
    func perform(_ token: SecretToken) async throws -> SessionGrant {
        let now = clock()
        let rotation = try await stores.change { transaction in
            let rotation = try await stores.sessions.rotate(
                token, expiresAt: now.addingTimeInterval(OpenSession.lifetime), now: now, on: transaction)
            guard case .reused(let session) = rotation else { return .unchanged(rotation) }
            return Change(
                rotation, AuditRecord("session.reuse-detected", by: nil, subject: session.uuid),
                endedSessions: [session])
        }
        switch rotation {
        case .rotated(let session, let user, let successor):
            return try await openSession.grant(user, session, successor, now: now)
        case .reused(let session):
            logger.warning("refresh token used twice, session revoked", metadata: ["session_id": "\(session)"])
            throw APIProblem.sessionEnded
        case .ended:
            throw APIProblem.sessionEnded
        case .refused:
            throw DomainError.notAuthenticated
        }
    }
}
