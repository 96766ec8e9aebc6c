import Access
import Domain
import Persistence
import Postgres

/// Gives somebody another role. What is taken from them is gone at once (``Authentication``, and in the hub within
/// seconds); what is given counts from their next access token on, within a quarter of an hour.
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
