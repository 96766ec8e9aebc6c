import Domain
import Persistence

/// The installation's rule about addresses that nobody has confirmed yet.
struct RequireVerifiedEmail: Sendable {
    let stores: Stores
    /// `EM_REQUIRE_VERIFIED_EMAIL`; without it an address is good as it was typed.
    let isOn: Bool

    /// - Throws: ``DomainError/emailNotVerified``.
    func check(_ user: User) throws {
        if isOn && user.emailVerifiedAt == nil { throw DomainError.emailNotVerified }
    }

    /// The same for somebody who is signed in: their session may be older than the rule.
    func check(_ id: UserID) async throws {
        guard isOn else { return }
        guard let user = try await stores.users.find(id) else { throw DomainError.notAuthenticated }
        try check(user)
    }
}
