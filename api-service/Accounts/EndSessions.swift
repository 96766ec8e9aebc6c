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
        try await stores.database.transaction { transaction in
            guard try await stores.sessions.revoke(id, of: principal.userID, on: transaction) else {
                throw DomainError.notFound
            }
            try await stores.audit.record("session.ended", by: principal.userID, subject: id.uuid, on: transaction)
        }
        stores.endedSessions.insert([id])
    }

    func all(by principal: Principal, keepingCurrent keepsCurrent: Bool) async throws {
        let ended = try await stores.database.transaction { transaction in
            let ended = try await stores.sessions.revokeAll(
                of: principal.userID, except: keepsCurrent ? principal.sessionID : nil, on: transaction)
            try await stores.audit.record(
                "session.all-ended", by: principal.userID, subject: principal.userID.uuid, on: transaction)
            return ended
        }
        stores.endedSessions.insert(ended)
    }
}
