import Access
import Domain
import Persistence
import Postgres

/// Changes a person's role. Removed rights end at once (``Authentication``, and in the hub within seconds); added ones
/// take effect with the next access token, within fifteen minutes.
struct GrantRole: Sendable {
    let stores: Stores

    /// - Throws: ``DomainError/notFound``, ``DomainError/lastAdmin``.
    func perform(_ role: Role, to id: UserID, by principal: Principal) async throws -> User {
        try await stores.database.transaction { transaction in
            let (user, before) = try await stores.users.setRole(role, of: id, on: transaction)
            if before != role {
                try await stores.audit.record(
                    "user.role-granted", by: principal.userID, subject: id.uuid,
                    AuditContent(before: ["role": before.rawValue], after: ["role": role.rawValue]), on: transaction)
            }
            return user
        }
    }
}
