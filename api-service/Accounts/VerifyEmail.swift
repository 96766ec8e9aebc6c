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
        let (ended, next) = try await stores.database.transaction { transaction in
            let (user, keepsSignUp) = try await stores.accountLinks.useForProof(token.hash, now: now, on: transaction)
            let proof = try await proveAddress.perform(user, keepsSignUp: keepsSignUp, on: transaction)
            try await stores.audit.record("user.email-verified", by: user, subject: user.uuid, on: transaction)
            guard case .fresh(let ended) = proof else { return ([SessionID](), SecretToken?.none) }
            let next = SecretToken()
            try await stores.accountLinks.create(
                next.hash, of: user, for: .resetPassword, now: now, on: transaction)
            return (ended, next)
        }
        stores.endedSessions.insert(ended)
        return next
    }
}
