import Access
import Domain
import FoundationEssentials
import Persistence
import Postgres

struct RetryDelivery: Sendable {
    let stores: Stores
    let clock: @Sendable () -> Date

    /// - Throws: ``DomainError/notFound``.
    func perform(
        _ id: WebhookDeliveryID, of subscription: SubscriptionID, by principal: Principal
    ) async throws -> WebhookDelivery {
        try await stores.change { transaction in
            guard try await stores.webhooks.retry(id, of: subscription, now: clock(), on: transaction) else {
                throw DomainError.notFound
            }
            return Change(
                AuditRecord(
                    "delivery.retried", by: principal.userID, subject: subscription.uuid,
                    AuditContent(about: ["deliveryId": id.description])))
        }
        guard let delivery = try await stores.webhooks.delivery(id, of: subscription) else {
            throw DomainError.notFound
        }
        return delivery
    }
}

/// Sends a webhook a test message without content.
struct TestWebhook: Sendable {
    let stores: Stores
    let clock: @Sendable () -> Date

    /// - Parameter answer: makes the response, which is stored with the delivery.
    func perform(
        _ subscription: SubscriptionID, by principal: Principal, once request: IdempotentRequest?,
        _ answer: (WebhookDelivery) throws -> StoredResponse
    ) async throws -> Answered {
        try await stores.change(once: request) { transaction in
            let delivery = try await stores.webhooks.test(subscription, now: clock(), on: transaction)
            return Change(
                try answer(delivery),
                AuditRecord("subscription.tested", by: principal.userID, subject: subscription.uuid))
        }
    }
}
