import Access
import Domain
import Persistence
import Postgres

/// Changes a person's name and language.
struct EditAccount: Sendable {
    let stores: Stores

    /// - Throws: ``DomainError/notAuthenticated`` if the account is gone.
    func perform(displayName: String?, language: Language?, by principal: Principal) async throws -> User {
        if displayName != nil || language != nil {
            // Events show their organizer's name.
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
        // A token can outlive its account by minutes.
        guard let user = try await stores.users.find(principal.userID) else { throw DomainError.notAuthenticated }
        return user
    }
}
