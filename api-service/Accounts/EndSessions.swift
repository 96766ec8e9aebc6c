import Access
import Domain
import Persistence
import Postgres

/// Ends one of a person's sessions, or all; the access tokens end with them.
struct EndSessions: Sendable {
    let stores: Stores

    /// Idempotent.
    /// - Throws: ``DomainError/notFound`` for one that isn't the person's own.
    func one(_ id: SessionID, by principal: Principal) async throws {
        try await stores.change { transaction in
            guard try await stores.sessions.revoke(id, of: principal.userID, on: transaction) else {
                throw DomainError.notFound
            }
            return Change(
                AuditRecord("session.ended", by: principal.userID, subject: id.uuid), endedSessions: [id])
        }
    }

    func all(by principal: Principal, keepingCurrent keepsCurrent: Bool) async throws {
        try await stores.change { transaction in
            Change(
                AuditRecord("session.all-ended", by: principal.userID, subject: principal.userID.uuid),
                endedSessions: try await stores.sessions.revokeAll(
                    of: principal.userID, except: keepsCurrent ? principal.sessionID : nil, on: transaction))
        }
    }
}
