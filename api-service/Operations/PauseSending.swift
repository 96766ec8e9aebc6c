import Access
import Domain
import FoundationEssentials
import Persistence
import Postgres

/// Pauses all email, or resumes it. Unsent emails are kept.
struct PauseSending: Sendable {
    let stores: Stores
    let clock: @Sendable () -> Date

    /// Idempotent.
    func perform(_ isPaused: Bool, by principal: Principal) async throws -> SendingState {
        let now = clock()
        try await stores.change { transaction in
            let isNew =
                isPaused
                ? try await stores.deliveries.pause(by: principal.userID, now: now, on: transaction)
                : try await stores.deliveries.resume(on: transaction)
            guard isNew else { return .unchanged }
            return Change(
                AuditRecord(isPaused ? "sending.paused" : "sending.resumed", by: principal.userID, subject: nil))
        }
        return try await stores.deliveries.sending()
    }
}
