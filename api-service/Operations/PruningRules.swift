import FoundationEssentials
import Persistence
import Postgres

extension Pruning.Rule {
    /// The retention rules.
    static func all(
        _ stores: Stores, _ retention: Retention, _ clock: @escaping @Sendable () -> Date
    ) -> [Pruning.Rule] {
        /// Deletes what is older than that.
        typealias Prune = @Sendable (_ before: Date, _ limit: Int, _ transaction: Transaction) async throws -> Int
        func older(_ rows: String, than age: TimeInterval, _ prune: @escaping Prune) -> Pruning.Rule {
            .init(rows) { limit, transaction in try await prune(clock() - age, limit, transaction) }
        }
        return [
            older("outbox", than: retention.eventLog, stores.outbox.prune),
            older("outbox_done", than: retention.doneMessages, stores.outbox.pruneDone),
            older("inbox", than: retention.inbox, InboxStore().prune),
            older("delivery_attempts", than: retention.eventLog, stores.deliveries.pruneAttempts),
            older("suspects", than: retention.suspects, SuspectStore(stores.database).prune),
            older("ticket_documents", than: retention.ticketDocuments, stores.documents.prune),
            older("sessions", than: retention.endedSessions, stores.sessions.prune),
            older("email_changes", than: retention.emailChanges, stores.emailChanges.prune),
            older("unsubscribe_links", than: retention.unsubscribeLinks, stores.preferences.prune),
            older("api_keys", than: APIKeyStore.memory, stores.apiKeys.prune),
            // What the event log no longer has can't be sent.
            older(
                "webhook_deliveries", than: min(retention.webhookDeliveries, retention.eventLog), stores.webhooks.prune),
            older("mail_previews", than: MailPreviewStore.lifetime, stores.mailPreviews.prune),
            .init("idempotency_keys", stores.idempotency.prune),
            .init("audit_contents") { try await stores.audit.eraseExpired(at: clock(), limit: $0, on: $1) },
        ]
    }
}
