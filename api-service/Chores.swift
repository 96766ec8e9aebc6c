import FoundationEssentials
import Persistence
import Postgres

extension Pruning.Chore {
    /// What grows old, row by row.
    static func all(
        _ stores: Stores, _ retention: Retention, _ clock: @escaping @Sendable () -> Date
    ) -> [Pruning.Chore] {
        [
            .init("outbox") { limit, transaction in
                try await stores.outbox.prune(before: clock() - retention.eventLog, limit: limit, on: transaction)
            },
            .init("inbox") { limit, transaction in
                try await InboxStore().prune(before: clock() - retention.inbox, limit: limit, on: transaction)
            },
            .init("suspects") { limit, transaction in
                try await SuspectStore(stores.database).prune(
                    before: clock() - retention.suspects, limit: limit, on: transaction)
            },
            .init("ticket_documents") { limit, transaction in
                try await stores.documents.prune(
                    before: clock() - retention.ticketDocuments, limit: limit, on: transaction)
            },
            .init("sessions") { limit, transaction in
                try await stores.sessions.prune(
                    before: clock() - retention.endedSessions, limit: limit, on: transaction)
            },
            .init("email_changes") { limit, transaction in
                try await stores.emailChanges.prune(
                    before: clock() - retention.emailChanges, limit: limit, on: transaction)
            },
            .init("unsubscribe_links") { limit, transaction in
                try await stores.preferences.prune(
                    before: clock() - retention.unsubscribeLinks, limit: limit, on: transaction)
            },
            .init("api_keys") { limit, transaction in
                try await stores.apiKeys.prune(before: clock() - APIKeyStore.memory, limit: limit, on: transaction)
            },
            .init("webhook_deliveries") { limit, transaction in
                try await stores.webhooks.prune(
                    before: clock() - min(retention.webhookDeliveries, retention.eventLog), limit: limit,
                    on: transaction)
            },
            .init("mail_previews") { limit, transaction in
                try await stores.mailPreviews.prune(
                    before: clock() - MailPreviewStore.lifetime, limit: limit, on: transaction)
            },
            .init("idempotency_keys") { limit, transaction in
                try await stores.idempotency.prune(limit: limit, on: transaction)
            },
        ]
    }
}
