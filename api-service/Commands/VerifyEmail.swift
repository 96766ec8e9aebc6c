import Domain
import FoundationEssentials
import Persistence
import Postgres

/// Confirms that an address is its account's: whoever has the token read the mail that went there.
struct VerifyEmail: Sendable {
    let stores: Stores
    let clock: @Sendable () -> Date

    /// - Throws: ``DomainError/linkInvalid``.
    func perform(_ token: SecretToken) async throws {
        let now = clock()
        try await stores.database.transaction { transaction in
            let user = try await stores.accountLinks.use(token.hash, for: .verifyEmail, now: now, on: transaction)
            try await stores.users.markEmailVerified(user, at: now, on: transaction)
            try await stores.audit.record("user.email-verified", by: user, subject: user.uuid, on: transaction)
        }
    }
}
