import Domain
import FoundationEssentials
import Persistence
import Postgres

/// Confirms that an address is its account's, by the link in a mail.
struct VerifyEmail: Sendable {
    let stores: Stores
    let proveAddress: ProveAddress
    let clock: @Sendable () -> Date

    /// - Returns: what a new password is set with, where the proof ended the one before; nil where it stays.
    /// - Throws: ``DomainError/linkInvalid``.
    func perform(_ token: SecretToken) async throws -> SecretToken? {
        let now = clock()
        return try await stores.change { transaction in
            let (user, keepsSignUp) = try await stores.accountLinks.useForProof(token.hash, now: now, on: transaction)
            let proof = try await proveAddress.perform(user, keepsSignUp: keepsSignUp, on: transaction)
            let entry = AuditRecord("user.email-verified", by: user, subject: user.uuid)
            guard case .fresh(let ended) = proof else { return Change(SecretToken?.none, entry) }
            let next = SecretToken()
            try await stores.accountLinks.create(
                next.hash, of: user, for: .resetPassword, now: now, on: transaction)
            return Change(next, entry, endedSessions: ended)
        }
    }
}
