import Domain
import PasswordHashing
import Persistence
import Postgres

/// Signs somebody up and in.
struct RegisterUser: Sendable {
    let stores: Stores
    let passwords: PasswordHasher
    let openSession: OpenSession

    /// - Parameters: validated; the address in lower case.
    /// - Throws: ``DomainError/emailTaken``.
    func perform(email: String, password: String, displayName: String) async throws -> SessionGrant {
        let hash = try await passwords.hash(password)
        return try await stores.database.transaction { transaction in
            let user = try await stores.users.insert(
                id: UserID(), email: email, displayName: displayName, passwordHash: hash, role: .user,
                on: transaction)
            try await stores.audit.record("user.registered", by: user.id, subject: user.id.uuid, on: transaction)
            return try await openSession.perform(for: user, on: transaction)
        }
    }
}
