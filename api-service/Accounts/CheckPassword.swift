import Access
import Domain
import PasswordHashing
import Persistence

/// Asks a signed-in person for their password again, before actions that an unattended session must not allow.
struct CheckPassword: Sendable {
    let stores: Stores
    let passwords: PasswordHasher

    /// - Returns: the account, and the password's hash.
    /// - Throws: ``DomainError/invalidCredentials``; ``DomainError/notAuthenticated`` if the account is gone.
    func perform(
        _ principal: Principal, password: String, from origin: RequestOrigin
    ) async throws -> (user: User, hash: String) {
        guard let found = try await stores.users.credentials(principal.userID) else {
            throw DomainError.notAuthenticated
        }
        let matches = try await passwords.verify(
            password, against: found.passwordHash, in: HashingShare(.change, client: origin.network))
        guard matches, let hash = found.passwordHash else { throw DomainError.invalidCredentials }
        return (found.user, hash)
    }
}
