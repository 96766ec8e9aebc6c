import Access
import Domain
import FoundationEssentials
import Persistence
import Postgres

/// Takes a check-in back: the ticket is good again, and the dashboards hear of it.
struct UndoCheckIn: Sendable {
    let stores: Stores
    let clock: @Sendable () -> Date

    /// Done twice it is done once.
    /// - Parameter reason: for the records; required.
    /// - Throws: ``DomainError``: notFound, notCheckedIn.
    func perform(_ id: CheckInID, because reason: String, by principal: Principal) async throws -> RecordedScan {
        let now = clock()
        return try await stores.database.transaction { transaction in
            try await stores.checkIns.undo(id, by: principal.userID, reason: reason, now: now, on: transaction)
        }
    }
}
