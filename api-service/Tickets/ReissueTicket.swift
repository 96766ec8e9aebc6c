import Access
import Domain
import FoundationEssentials
import Persistence
import Postgres

/// Takes a ticket back (lost, or seen by somebody who should not have) and has the next one made.
struct ReissueTicket: Sendable {
    let stores: Stores
    let clock: @Sendable () -> Date

    /// The old code is refused at every gate from now on; ticket-worker makes the next ticket in a moment. Done twice
    /// it is done once.
    /// - Throws: ``DomainError``: notFound, alreadyCancelled, eventCancelled, eventEnded, alreadyCheckedIn.
    func perform(_ id: TicketID, by principal: Principal) async throws {
        let now = clock()
        try await stores.database.transaction { transaction in
            try await stores.tickets.reissue(id, by: principal.userID, now: now, on: transaction)
        }
    }
}
