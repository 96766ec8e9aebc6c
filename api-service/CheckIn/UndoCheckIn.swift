import Access
import Domain
import FoundationEssentials
import Persistence
import Postgres

/// Undoes a check-in: the ticket is valid again, and the dashboards are updated.
struct UndoCheckIn: Sendable {
    let stores: Stores
    let clock: @Sendable () -> Date

    /// Idempotent.
    /// - Parameter reason: for the audit log; required.
    /// - Throws: ``DomainError``: notFound, notCheckedIn.
    func perform(_ id: CheckInID, because reason: String, by principal: Principal) async throws -> RecordedScan {
        let now = clock()
        return try await stores.database.transaction { transaction in
            try await stores.checkIns.undo(id, by: principal.userID, reason: reason, now: now, on: transaction)
        }
    }
}
