import Domain
import FoundationEssentials
import Persistence
import Postgres

/// Gives a place back; the first in line moves up in the same transaction.
struct CancelRegistration: Sendable {
    let stores: Stores
    let clock: @Sendable () -> Date

    /// Cancelling twice changes nothing and answers the same: the registration with its revoked ticket, read before the
    /// commit, because a 5xx after it would say that nothing happened.
    /// - Throws: ``DomainError/notFound``, ``DomainError/eventEnded``.
    func perform(_ id: RegistrationID) async throws -> RegistrationDetail {
        try await stores.database.transaction { transaction in
            _ = try await stores.registrations.cancel(id, now: clock(), on: transaction)
            guard let detail = try await stores.registrations.find(id, on: transaction) else {
                throw DomainError.notFound
            }
            return detail
        }
    }
}
