import Domain
import Persistence
import Postgres

/// Requests an email about the account with an address, if there is one.
struct RequestAccountMail: Sendable {
    let stores: Stores

    /// Does the same whether or not there is such an account, so that neither response nor timing reveals it: without
    /// one the message refers to no one, which the planner of emails finds out.
    /// - Parameter email: lower-case.
    func perform(_ kind: NotificationKind, to email: String) async throws {
        let user = try await stores.users.find(email: email)?.id ?? UserID()
        try await stores.database.transaction { transaction in
            try await stores.outbox.append([try .accountMail(kind, to: user)], on: transaction)
        }
    }
}

extension OutboxEntry {
    /// The job for an account email. It contains ids only: a link is created when the email is sent.
    /// - Parameter isSignUp: whether sign-up caused it.
    static func accountMail(_ kind: NotificationKind, to user: UserID, isSignUp: Bool = false) throws -> OutboxEntry {
        try .work(.accountMail, event: nil, AccountMailData(userId: user, kind: kind, isSignUp: isSignUp ? true : nil))
    }
}
