import Access
import Domain
import Persistence
import Postgres

/// Changes a person's notification preferences and language.
struct EditPreferences: Sendable {
    let stores: Stores

    func perform(
        language: Language?, topics: [(topic: NotificationTopic, mail: Bool?, inApp: Bool?)], by principal: Principal
    ) async throws -> Preferences {
        try await stores.database.transaction { transaction in
            try await stores.preferences.update(
                principal.userID, language: language, topics: topics, on: transaction)
        }
    }
}
