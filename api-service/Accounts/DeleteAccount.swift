import Access
import Domain
import FoundationEssentials
import Persistence
import Postgres

/// Deletes a person: their upcoming registrations are canceled like any other, so that the waitlist moves up; then
/// everything that identifies them is erased. The past stays, without a name.
struct DeleteAccount: Sendable {
    let stores: Stores
    let batcher: RegistrationBatcher
    let checkPassword: CheckPassword
    let clock: @Sendable () -> Date

    /// - Throws: ``DomainError/invalidCredentials``, ``DomainError/lastAdmin``, ``DomainError/eventsAhead``.
    func perform(by principal: Principal, password: String, from origin: RequestOrigin) async throws {
        let (user, _) = try await checkPassword.perform(principal, password: password, from: origin)
        // Checked before any registration is canceled; the authoritative check is in the transaction that erases.
        try await stores.database.transaction { transaction in
            try await erasure.requireErasable(user.id, now: clock(), on: transaction)
        }
        try await leaveEverything(user.id)
        let ended = try await stores.database.transaction { transaction in
            // First, while rows still lead from the person to their audit entries.
            try await stores.audit.record("user.deleted", by: user.id, subject: user.id.uuid, on: transaction)
            try await stores.audit.erase(user.id, on: transaction)
            return try await erasure.erase(user.id, now: clock(), on: transaction)
        }
        stores.endedSessions.insert(ended)
        stores.eventCache.invalidateAll()
        // For a registration in flight while the others were canceled.
        try await leaveEverything(user.id)
    }

    private var erasure: AccountErasure { AccountErasure(stores.database) }

    private func leaveEverything(_ user: UserID) async throws {
        for registration in try await erasure.registrationsAhead(of: user, now: clock()) {
            do {
                _ = try await batcher.cancel(registration)
            } catch DomainError.eventEnded, DomainError.eventCancelled, DomainError.notFound,
                DomainError.alreadyCheckedIn
            {
                // Ended or checked in a moment ago.
                continue
            }
        }
    }
}
