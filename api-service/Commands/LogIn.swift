import Domain
import PasswordHashing
import Persistence
import Postgres

/// Signs somebody in.
struct LogIn: Sendable {
    let stores: Stores
    let passwords: PasswordHasher
    let openSession: OpenSession

    /// An unknown address costs the same work as a known one: the time taken names no account.
    /// - Parameter email: nil when what was sent can't be an address.
    /// - Throws: ``DomainError/invalidCredentials``.
    func perform(email: String?, password: String) async throws -> SessionGrant {
        let found = try await email.asyncFlatMap { try await stores.users.credentials(email: $0) }
        let matches = try await passwords.verify(password, against: found?.passwordHash)
        guard let found, matches else { throw DomainError.invalidCredentials }
        // Parameters rise over the years; only now is the password at hand.
        let newHash = passwords.needsRehash(found.passwordHash) ? try await passwords.hash(password) : nil
        return try await stores.database.transaction { transaction in
            if let newHash {
                try await stores.users.setPasswordHash(newHash, of: found.user.id, on: transaction)
            }
            return try await openSession.perform(for: found.user, on: transaction)
        }
    }
}

extension Optional {
    fileprivate func asyncFlatMap<Result>(_ transform: (Wrapped) async throws -> Result?) async rethrows -> Result? {
        guard let self else { return nil }
        return try await transform(self)
    }
}
