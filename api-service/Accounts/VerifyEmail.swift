import Domain
import FoundationEssentials
import Persistence
import Postgres

/// Confirms an account's email through an emailed link.
struct VerifyEmail: Sendable {
    let stores: Stores
    let proveAddress: ProveAddress
    let clock: @Sendable () -> Date

    /// - Returns: a token to set a new password, if the confirmation removed the old one; nil if it stays.
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
