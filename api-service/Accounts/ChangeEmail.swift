import Access
import Domain
import FoundationEssentials
import Persistence
import Postgres

/// Changes an account's email: requested with the password, announced to the old address, done once the new one is
/// confirmed.
struct ChangeEmail: Sendable {
    let stores: Stores
    let checkPassword: CheckPassword
    let clock: @Sendable () -> Date

    /// Does the same whether or not the address has an account; only its owner learns which.
    /// - Parameter email: lower-case.
    /// - Throws: ``DomainError/invalidCredentials``.
    func request(
        _ email: String, by principal: Principal, password: String, from origin: RequestOrigin
    ) async throws {
        let (user, _) = try await checkPassword.perform(principal, password: password, from: origin)
        guard email != user.email else { return }
        let now = clock()
        try await stores.change { transaction in
            try await stores.emailChanges.request(email, of: user.id, now: now, on: transaction)
            return Change(
                AuditRecord("user.email-change-requested", by: user.id, subject: user.id.uuid),
                messages: [
                    try .accountMail(.accountConfirmEmail, to: user.id),
                    try .accountMail(.accountEmailChanging, to: user.id),
                ])
        }
    }

    /// Whoever has the token has read the email to the new address. Links sent to the old one stop working.
    /// - Throws: ``DomainError/linkInvalid``, ``DomainError/emailTaken``.
    func confirm(_ token: SecretToken) async throws {
        let now = clock()
        try await stores.change { transaction in
            let (user, email) = try await stores.accountLinks.useForAddress(token.hash, now: now, on: transaction)
            try await stores.emailChanges.confirm(email, of: user, now: now, on: transaction)
            try await stores.members.takeUpOffers(of: user, on: transaction)
            try await stores.accountLinks.revokeAll(
                of: user, for: AccountLinkPurpose.allCases, now: now, on: transaction)
            return Change(AuditRecord("user.email-changed", by: user, subject: user.uuid))
        }
    }
}
