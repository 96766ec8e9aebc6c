import Access
import Domain
import FoundationEssentials
import Persistence
import Postgres

struct ReadNotifications: Sendable {
    let stores: Stores
    let clock: @Sendable () -> Date

    /// - Returns: the number of unread notifications.
    /// - Throws: ``DomainError/notFound`` for someone else's.
    func perform(_ id: NotificationID, by principal: Principal) async throws -> Int {
        let now = clock()
        return try await stores.database.transaction { transaction in
            try await stores.notifications.markRead(id, of: principal.userID, now: now, on: transaction)
        }
    }

    /// All up to a time; nil for now.
    func perform(upTo time: Date?, by principal: Principal) async throws -> Int {
        let now = clock()
        return try await stores.database.transaction { transaction in
            try await stores.notifications.markAllRead(
                of: principal.userID, upTo: time ?? now, now: now, on: transaction)
        }
    }
}
