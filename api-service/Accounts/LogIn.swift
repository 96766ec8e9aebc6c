import Domain
import PasswordHashing
import Persistence
import Postgres

/// Signs a person in.
struct LogIn: Sendable {
    let stores: Stores
    let passwords: PasswordHasher
    let openSession: OpenSession
    let verifiedEmail: RequireVerifiedEmail

    /// An unknown address costs the same work as a known one, so that timing reveals no accounts. Only someone who
    /// knows the password learns that the email is unconfirmed.
    /// - Parameter email: nil for invalid input.
    /// - Throws: ``DomainError/invalidCredentials``, ``DomainError/accountLocked``, ``DomainError/emailNotVerified``.
    func perform(email: String?, password: String, from origin: RequestOrigin) async throws -> SessionGrant {
        while true {
            let found = try await email.asyncFlatMap { try await stores.users.credentials(email: $0) }
            let matches = try await passwords.verify(
                password, against: found?.passwordHash, in: HashingShare(.signIn, client: origin.network))
            guard let found, let hash = found.passwordHash, matches else { throw DomainError.invalidCredentials }
            if found.user.lockedAt != nil { throw DomainError.accountLocked }
            try verifiedEmail.check(found.user)
            if let grant = try await openSession(found.user, password: password, hash: hash, from: origin) {
                return grant
            }
        }
    }

    /// Nil if the password was changed, or the account locked, during the check: a session opened now would survive the
    /// change, which ends all sessions.
    private func openSession(
        _ user: User, password: String, hash: String, from origin: RequestOrigin
    ) async throws -> SessionGrant? {
        // Hash parameters increase over the years; the password is available only now.
        let newHash =
            passwords.needsRehash(hash)
            ? try await passwords.hash(password, in: HashingShare(.signIn, client: origin.network)) : nil
        return try await stores.database.transaction { transaction in
            let isCurrent =
                if let newHash {
                    try await stores.users.replacePasswordHash(hash, by: newHash, of: user.id, on: transaction)
                } else {
                    try await stores.users.holdPasswordHash(hash, of: user.id, on: transaction)
                }
            return isCurrent ? try await openSession.perform(for: user, from: origin, on: transaction) : nil
        }
    }
}

extension Optional {
    fileprivate func asyncFlatMap<Result>(_ transform: (Wrapped) async throws -> Result?) async rethrows -> Result? {
        guard let self else { return nil }
        return try await transform(self)
    }
}
