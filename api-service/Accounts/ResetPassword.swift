import Domain
import FoundationEssentials
import PasswordHashing
import Persistence
import Postgres

/// Sets a new password through an emailed link, and ends every session and API key of its person.
struct ResetPassword: Sendable {
    let stores: Stores
    let passwords: PasswordHasher
    let proveAddress: ProveAddress
    let clock: @Sendable () -> Date

    /// Whoever has the token has read the email, so the address is confirmed, too.
    /// - Parameter password: validated.
    /// - Returns: the account's email.
    /// - Throws: ``DomainError/linkInvalid``.
    func perform(_ token: SecretToken, password: String, from origin: RequestOrigin) async throws -> String? {
        // Checked first: a made-up token must not cost a hash.
        guard try await stores.accountLinks.isGood(token.hash, for: .resetPassword, now: clock()) else {
            throw DomainError.linkInvalid
        }
        let hash = try await passwords.hash(password, in: HashingShare(.change, client: origin.network))
        let now = clock()
        let user = try await stores.change { transaction in
            let user = try await stores.accountLinks.use(token.hash, for: .resetPassword, now: now, on: transaction)
            let proof = try await proveAddress.perform(user, keepsSignUp: false, on: transaction)
            try await stores.users.setPasswordHash(hash, of: user, on: transaction)
            try await stores.accountLinks.revokeAll(
                of: user, for: [.changeEmail, .signIn], now: now, on: transaction)
            try await stores.apiKeys.revokeAll(of: user, now: now, on: transaction)
            var ended = try await stores.sessions.revokeAll(of: user, on: transaction)
            if case .fresh(let sessions) = proof { ended += sessions }
            return Change(
                user, AuditRecord("user.password-reset", by: user, subject: user.uuid),
                messages: [try .accountMail(.accountPasswordChanged, to: user)], endedSessions: ended)
        }
        return try await stores.users.find(user)?.email
    }
}
