import Access
import Domain
import FoundationEssentials
import Persistence
import Postgres

/// Takes a place in an event, or a place in its line.
struct Register: Sendable {
    let stores: Stores
    let clock: @Sendable () -> Date

    /// - Parameter key: the client's name for this wish; sent again, it gets the same answer.
    /// - Throws: ``DomainError``: notFound, eventCancelled, eventEnded, registrationNotOpen, registrationClosed,
    ///   alreadyRegistered, full.
    func perform(_ event: EventID, key: String?, by principal: Principal) async throws -> Registration {
        try await stores.database.transaction { transaction in
            try await stores.registrations.register(
                principal.userID, for: event, key: key, now: clock(), on: transaction)
        }
    }
}
