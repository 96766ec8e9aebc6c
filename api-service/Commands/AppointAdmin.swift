import Domain
import FoundationEssentials
import PasswordHashing
import Persistence
import Postgres

/// Makes an administrator from the command line.
struct AppointAdmin: Sendable {
    let passwords: PasswordHasher

    /// - Parameter password: nil to give the role to an account that exists.
    /// - Throws: ``DomainError/emailTaken``; ``DomainError/notFound`` when there is nobody to promote.
    func perform(_ email: String, password: String?, displayName: String, stores: Stores) async throws {
        guard let password else {
            guard let found = try await stores.users.credentials(email: email) else { throw DomainError.notFound }
            try await stores.database.transaction { transaction in
                let before = try await stores.users.setRole(.admin, of: found.user.id, on: transaction).before
                try await stores.audit.record(
                    "user.role-granted", by: nil, subject: found.user.id.uuid,
                    AuditContent(
                        before: ["role": before.rawValue], after: ["role": Role.admin.rawValue],
                        about: ["by": "command line"]),
                    on: transaction)
            }
            return
        }
        let hash = try await passwords.hash(password)
        try await stores.database.transaction { transaction in
            let user = try await stores.users.insert(
                id: UserID(), email: email, displayName: displayName, passwordHash: hash, role: .admin,
                emailVerifiedAt: Date(), on: transaction)
            try await stores.audit.record(
                "user.registered", by: nil, subject: user.id.uuid,
                AuditContent(after: ["role": Role.admin.rawValue], about: ["by": "command line"]), on: transaction)
        }
    }
}
