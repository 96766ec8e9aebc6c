import Domain
import Persistence

/// The installation's policy on unconfirmed emails.
struct RequireVerifiedEmail: Sendable {
    let stores: Stores
    /// `EM_REQUIRE_VERIFIED_EMAIL`; without it, an address is valid as typed.
    let isOn: Bool

    /// - Throws: ``DomainError/emailNotVerified``.
    func check(_ user: User) throws {
        if isOn && user.emailVerifiedAt == nil { throw DomainError.emailNotVerified }
    }

    /// The same for a signed-in person: their session can be older than the policy.
    func check(_ id: UserID) async throws {
        guard isOn else { return }
        guard let user = try await stores.users.find(id) else { throw DomainError.notAuthenticated }
        try check(user)
    }
}
