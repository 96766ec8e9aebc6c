import Access
import Domain
import Persistence
import Postgres

/// Changes how somebody is called.
struct EditAccount: Sendable {
    let stores: Stores

    func perform(displayName: String, by principal: Principal) async throws -> User {
        // Events name their organizer.
        defer { stores.eventCache.invalidateAll() }
        return try await stores.database.transaction { transaction in
            try await stores.users.setDisplayName(displayName, of: principal.userID, on: transaction)
        }
    }
}
