import Access
import Domain
import FoundationEssentials
import Persistence
import Postgres

/// Takes a person out: places of theirs that are still to come are given back through the door, like any other, so that
/// the next in line moves up; then everything that names them is erased. What is past stays, without a name.
struct DeleteAccount: Sendable {
    let stores: Stores
    let batcher: RegistrationBatcher
    let checkPassword: CheckPassword
    let clock: @Sendable () -> Date

    /// - Throws: ``DomainError/invalidCredentials``, ``DomainError/lastAdmin``, ``DomainError/eventsAhead``.
    func perform(by principal: Principal, password: String, from origin: RequestOrigin) async throws {
        let (user, _) = try await checkPassword.perform(principal, password: password, from: origin)
        // Found out before any place is given back; it counts in the transaction that erases.
        try await stores.database.transaction { transaction in
            try await erasure.requireErasable(user.id, now: clock(), on: transaction)
        }
        try await leaveEverything(user.id)
        let ended = try await stores.database.transaction { transaction in
            // First, while rows still lead from the person to the entries that are about them.
            try await stores.audit.record("user.deleted", by: user.id, subject: user.id.uuid, on: transaction)
            try await stores.audit.erase(user.id, on: transaction)
            return try await erasure.erase(user.id, now: clock(), on: transaction)
        }
        stores.endedSessions.insert(ended)
        stores.eventCache.invalidateAll()
        // A registration that was on its way while the others were cancelled.
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
                // Over by itself, or let in, a moment ago.
                continue
            }
        }
    }
}
