import Access
import Domain
import FoundationEssentials
import Persistence
import Postgres

/// Revokes a ticket (lost, or seen by someone who should not have it) and requests a new one.
struct ReissueTicket: Sendable {
    let stores: Stores
    let clock: @Sendable () -> Date

    /// The old code is refused at every gate from now on; ticket-worker issues the next ticket moments later.
    /// Idempotent.
    /// - Throws: ``DomainError``: notFound, alreadyCancelled, eventCancelled, eventEnded, alreadyCheckedIn.
    func perform(_ id: TicketID, by principal: Principal) async throws {
        let now = clock()
        try await stores.database.transaction { transaction in
            try await stores.tickets.reissue(id, by: principal.userID, now: now, on: transaction)
        }
    }
}
