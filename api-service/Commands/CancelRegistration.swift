import Domain
import FoundationEssentials
import Persistence
import Postgres

/// Gives a place back; the first in line moves up in the same transaction.
struct CancelRegistration: Sendable {
    let stores: Stores
    let clock: @Sendable () -> Date

    /// Cancelling twice changes nothing and answers the same.
    /// - Throws: ``DomainError/notFound``, ``DomainError/eventEnded``.
    func perform(_ id: RegistrationID) async throws -> Registration {
        try await stores.database.transaction { transaction in
            try await stores.registrations.cancel(id, now: clock(), on: transaction)
        }
    }
}
