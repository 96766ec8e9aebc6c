import Access
import Domain
import Persistence
import Postgres

/// Changes how somebody is called, and in which language they are written to.
struct EditAccount: Sendable {
    let stores: Stores

    /// - Throws: ``DomainError/notAuthenticated`` when the account is gone.
    func perform(displayName: String?, language: Language?, by principal: Principal) async throws -> User {
        if displayName != nil || language != nil {
            // Events name their organizer.
            defer { if displayName != nil { stores.eventCache.invalidateAll() } }
            try await stores.database.transaction { transaction in
                if let displayName {
                    _ = try await stores.users.setDisplayName(displayName, of: principal.userID, on: transaction)
                }
                if let language {
                    _ = try await stores.preferences.update(
                        principal.userID, language: language, topics: [], on: transaction)
                }
            }
        }
        // A token outlives its account by minutes.
        guard let user = try await stores.users.find(principal.userID) else { throw DomainError.notAuthenticated }
        return user
    }
}
