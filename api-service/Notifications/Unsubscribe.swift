import Domain
import Persistence
import Postgres

/// Ends mails by the link that each of them has, or brings them back. Nobody is signed in.
struct Unsubscribe: Sendable {
    let stores: Stores

    /// - Parameter mail: whether such mails are wanted.
    /// - Returns: what the link is about.
    /// - Throws: ``DomainError/linkInvalid``.
    func perform(_ token: SecretToken, mail: Bool) async throws -> NotificationTopic {
        try await stores.change { transaction in
            let followed = try await stores.preferences.follow(token.hash, mail: mail, on: transaction)
            return Change(
                followed.topic,
                AuditRecord(
                    mail ? "mails.resubscribed" : "mails.unsubscribed", by: nil, subject: followed.user.uuid,
                    AuditContent(about: ["topic": followed.topic.rawValue])))
        }
    }
}
