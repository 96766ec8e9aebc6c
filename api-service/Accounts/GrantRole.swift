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
        try await stores.change { transaction in
            let (user, before) = try await stores.users.setRole(role, of: id, on: transaction)
            guard before != role else { return .unchanged(user) }
            return Change(
                user,
                AuditRecord(
                    "user.role-granted", by: principal.userID, subject: id.uuid,
                    AuditContent(before: ["role": before.rawValue], after: ["role": role.rawValue])))
        }
    }
}
