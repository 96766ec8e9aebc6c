import Access
import Domain
import FoundationEssentials
import Persistence
import Postgres

/// Locks an account, at once and everywhere, and unlocks it. Its tickets stay valid, its published events stay and can
/// be handed over.
struct LockAccount: Sendable {
    let stores: Stores
    let clock: @Sendable () -> Date

    /// Ends sessions and API keys, stops subscriptions, cancels ticket transfers. Idempotent.
    /// - Throws: ``DomainError/notFound``, ``DomainError/lastAdmin`` (also for one's own account).
    func lock(_ id: UserID, by principal: Principal) async throws -> User {
        guard id != principal.userID else { throw DomainError.lastAdmin }
        let now = clock()
        return try await stores.change { transaction in
            let (user, isNew) = try await stores.users.setLocked(true, id, at: now, on: transaction)
            guard isNew else { return .unchanged(user) }
            try await stores.apiKeys.revokeAll(of: id, now: now, on: transaction)
            try await stores.subscriptions.disableAll(of: id, because: .accountLocked, on: transaction)
            try await stores.transfers.withdrawAll(of: id, now: now, on: transaction)
            try await stores.members.withdrawOffers(by: id, on: transaction)
            try await stores.accountLinks.revokeAll(
                of: id, for: AccountLinkPurpose.allCases, now: now, on: transaction)
            return Change(
                user, AuditRecord("user.locked", by: principal.userID, subject: id.uuid),
                endedSessions: try await stores.sessions.revokeAll(of: id, on: transaction))
        }
    }

    /// Team memberships are restored; sessions and keys are not.
    /// - Throws: ``DomainError/notFound``.
    func unlock(_ id: UserID, by principal: Principal) async throws -> User {
        try await stores.change { transaction in
            let (user, isNew) = try await stores.users.setLocked(false, id, at: clock(), on: transaction)
            return isNew
                ? Change(user, AuditRecord("user.unlocked", by: principal.userID, subject: id.uuid)) : .unchanged(user)
        }
    }

    /// Ends all sessions of a person.
    /// - Throws: ``DomainError/notFound``.
    func endSessions(of id: UserID, by principal: Principal) async throws {
        guard try await stores.users.find(id) != nil else { throw DomainError.notFound }
        try await stores.change { transaction in
            Change(
                AuditRecord("session.all-ended", by: principal.userID, subject: id.uuid),
                endedSessions: try await stores.sessions.revokeAll(of: id, on: transaction))
        }
    }
}
