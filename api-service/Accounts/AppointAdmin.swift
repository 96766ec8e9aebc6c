import Domain
import FoundationEssentials
import PasswordHashing
import Persistence
import Postgres

/// Creates an administrator from the command line. The operator vouches for the address, and gets a one-time sign-in
/// link, so that broken email locks no one out.
struct AppointAdmin: Sendable {
    let passwords: PasswordHasher

    /// - Parameter password: nil to promote an existing account.
    /// - Returns: the link's token.
    /// - Throws: ``DomainError/emailTaken``; ``DomainError/notFound`` if there is no one to promote.
    func perform(
        _ email: String, password: String?, displayName: String, stores: Stores
    ) async throws -> SecretToken {
        var hash: String?
        if let password { hash = try await passwords.hash(password, in: HashingShare(.signUp, client: "command line")) }
        let found = try await stores.users.find(email: email)
        let token = SecretToken()
        let now = Date()
        try await stores.change { [hash] transaction in
            let (id, entry): (UserID, AuditRecord)
            if let hash {
                id = try await stores.users.insert(
                    id: UserID(), email: email, displayName: displayName, passwordHash: hash, role: .admin,
                    emailVerifiedAt: now, on: transaction
                ).id
                entry = AuditRecord(
                    "user.registered", by: nil, subject: id.uuid,
                    AuditContent(after: ["role": Role.admin.rawValue], about: ["by": "command line"]))
            } else {
                guard let found else { throw DomainError.notFound }
                id = found.id
                entry = try await promote(id, stores, now: now, on: transaction)
            }
            try await stores.accountLinks.create(token.hash, of: id, for: .signIn, now: now, on: transaction)
            return Change(entry)
        }
        return token
    }

    private func promote(
        _ id: UserID, _ stores: Stores, now: Date, on transaction: Transaction
    ) async throws -> AuditRecord {
        let before = try await stores.users.setRole(.admin, of: id, on: transaction).before
        // The operator means the account as it is: what it has stays.
        _ = try await ProveAddress(stores: stores, clock: { now }).perform(id, keepsSignUp: true, on: transaction)
        return AuditRecord(
            "user.role-granted", by: nil, subject: id.uuid,
            AuditContent(
                before: ["role": before.rawValue], after: ["role": Role.admin.rawValue],
                about: ["by": "command line"]))
    }
}
