import Domain
import Persistence
import Postgres

/// Has a mail sent about the account with an address, if there is one.
struct RequestAccountMail: Sendable {
    let stores: Stores

    /// Does the same whether or not there is such an account, so that neither answer nor time tells: without one the
    /// message is about nobody, and whoever plans the mails finds that out.
    /// - Parameter email: lower-case.
    func perform(_ kind: NotificationKind, to email: String) async throws {
        let user = try await stores.users.find(email: email)?.id ?? UserID()
        try await stores.database.transaction { transaction in
            try await stores.outbox.append([try .accountMail(kind, to: user)], on: transaction)
        }
    }
}

extension OutboxEntry {
    /// The job of writing to somebody about their account. It holds ids only: a link is made when the mail is sent.
    /// - Parameter isSignUp: whether signing up caused it.
    static func accountMail(_ kind: NotificationKind, to user: UserID, isSignUp: Bool = false) throws -> OutboxEntry {
        try .work(.accountMail, event: nil, AccountMailData(userId: user, kind: kind, isSignUp: isSignUp ? true : nil))
    }
}
