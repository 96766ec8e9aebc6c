import Domain
import FoundationEssentials
import Logging
import Persistence
import Postgres

/// Exchanges a refresh token for the next one and a fresh access token.
struct RefreshSession: Sendable {
    let stores: Stores
    let openSession: OpenSession
    let clock: @Sendable () -> Date
    let logger: Logger

    /// - Throws: ``DomainError/notAuthenticated`` when the token is unknown or expired; ``APIProblem/sessionEnded`` when it
    ///   was signed out or used twice: the last revokes every token that grew from the same sign-in.
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
