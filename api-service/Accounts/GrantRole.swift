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
