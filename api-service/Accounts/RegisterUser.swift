import Domain
import PasswordHashing
import Persistence
import Postgres

/// Signs a person up, and in, unless the email has to be confirmed first.
struct RegisterUser: Sendable {
    enum Outcome: Sendable {
        case signedIn(SessionGrant)
        /// An email was sent; only it reveals whether the address had an account already.
        case mailSent
    }

    let stores: Stores
    let passwords: PasswordHasher
    let openSession: OpenSession
    let verifiedEmail: RequireVerifiedEmail

    /// - Parameters: validated; the address in lower case.
    /// - Throws: ``DomainError/emailTaken``, unless emails have to be confirmed.
    func perform(
        email: String, password: String, displayName: String, language: Language, from origin: RequestOrigin
    ) async throws -> Outcome {
        let hash = try await passwords.hash(password, in: HashingShare(.signUp, client: origin.network))
        if verifiedEmail.isOn {
            try await announce(email: email, hash: hash, displayName: displayName, language: language)
            return .mailSent
        }
        let grant = try await stores.change { transaction in
            let user = try await stores.users.insert(
                id: UserID(), email: email, displayName: displayName, passwordHash: hash, role: .user,
                language: language, on: transaction)
            return Change(
                try await openSession.perform(for: user, from: origin, on: transaction),
                AuditRecord("user.registered", by: user.id, subject: user.id.uuid))
        }
        return .signedIn(grant)
    }

    /// The same steps for a free address and a taken one. An existing account stays as it is, confirmed or not:
    /// otherwise, whoever signs up last with another person's address would have their password on the account that its
    /// owner confirms. Those locked out reset the password by email.
    private func announce(email: String, hash: String, displayName: String, language: Language) async throws {
        try await stores.change { transaction in
            let user = try await stores.users.insertUnlessTaken(
                id: UserID(), email: email, displayName: displayName, passwordHash: hash, language: language,
                on: transaction)
            let kind: NotificationKind = user.isNew ? .accountVerifyEmail : .accountAlreadyRegistered
            return Change(
                AuditRecord(
                    user.isNew ? "user.registered" : "user.registered-again", by: nil, subject: user.id.uuid),
                messages: [try .accountMail(kind, to: user.id, isSignUp: user.isNew)])
        }
    }
}
