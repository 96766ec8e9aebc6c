import Domain
import Persistence
import Postgres

/// Unsubscribes from a kind of email through the link in it, or resubscribes. Needs no sign-in.
struct Unsubscribe: Sendable {
    let stores: Stores

    /// - Parameter mail: whether to receive these emails.
    /// - Returns: the topic of the link.
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
