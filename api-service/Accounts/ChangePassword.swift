import Access
import Domain
import FoundationEssentials
import PasswordHashing
import Persistence
import Postgres

/// Changes the password of a person who knows the current one. Every session and API key ends; the caller gets a new
/// session.
struct ChangePassword: Sendable {
    let stores: Stores
    let passwords: PasswordHasher
    let checkPassword: CheckPassword
    let openSession: OpenSession
    let clock: @Sendable () -> Date

    /// - Parameter password: the new one, validated.
    /// - Throws: ``DomainError/invalidCredentials``.
    func perform(
        by principal: Principal, current: String, to password: String, from origin: RequestOrigin
    ) async throws -> SessionGrant {
        let (user, hash) = try await checkPassword.perform(principal, password: current, from: origin)
        let newHash = try await passwords.hash(password, in: HashingShare(.change, client: origin.network))
        let now = clock()
        return try await stores.change { transaction in
            // If someone else has changed it meanwhile, the current password was wrong.
            guard try await stores.users.replacePasswordHash(hash, by: newHash, of: user.id, on: transaction) else {
                throw DomainError.invalidCredentials
            }
            let ended = try await stores.sessions.revokeAll(of: user.id, on: transaction)
            try await stores.apiKeys.revokeAll(of: user.id, now: now, on: transaction)
            // Links sent before may be in the wrong hands.
            try await stores.accountLinks.revokeAll(
                of: user.id, for: [.resetPassword, .changeEmail, .signIn], now: now, on: transaction)
            let grant = try await openSession.perform(for: user, from: origin, on: transaction)
            return Change(
                grant, AuditRecord("user.password-changed", by: user.id, subject: user.id.uuid),
                messages: [try .accountMail(.accountPasswordChanged, to: user.id)], endedSessions: ended)
        }
    }
}
