import Access
import Domain
import Persistence
import Postgres

/// Gives somebody another role. It counts from their next access token on, within a quarter of an hour.
struct GrantRole: Sendable {
    let stores: Stores

    /// - Throws: ``DomainError/notFound``, ``DomainError/lastAdmin``.
    func perform(_ role: Role, to id: UserID, by principal: Principal) async throws -> User {
        try await stores.database.transaction { transaction in
            let (user, before) = try await stores.users.setRole(role, of: id, on: transaction)
            if before != role {
                try await stores.audit.record(
                    "user.role-granted", by: principal.userID, subject: id.uuid,
                    details: ["before": before.rawValue, "after": role.rawValue], on: transaction)
            }
            return user
        }
    }
}
