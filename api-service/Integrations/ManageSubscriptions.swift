import AMQP
import Access
import Domain
import FoundationEssentials
import Messaging
import Persistence
import Postgres
import Webhooks

/// The credentials of a subscription's consumer. Shown once: not stored.
enum SubscriptionCredentials: Sendable {
    case queue(password: SecretToken)
    case webhook(WebhookSecret)
}

/// Creates, changes and deletes subscriptions, and with them the broker's queues, which are updated after the commit.
///
/// ``SubscriptionReconciler`` catches up on what the broker can't be told at once: there is no queue without a
/// subscription, and none is missing for longer than the broker is unreachable.
struct ManageSubscriptions: Sendable {
    let stores: Stores
    /// Nil if no relay runs.
    let queues: SubscriptionQueues?
    let webhookKey: WebhookKey
    let clock: @Sendable () -> Date

    struct NewSubscription: Sendable {
        var name: String
        var scope: SubscriptionScope
        var types: [MessagePattern]
        var delivery: SubscriptionDelivery
        var url: String?
    }

    struct Edit: Sendable {
        var name: String?
        var types: [MessagePattern]?
        var url: String?
        var status: SubscriptionStatus?
    }

    /// - Parameter answer: makes the response to be stored: without credentials.
    /// - Returns: the stored response, and what was created, unless that was before.
    /// - Throws: ``DomainError/limitReached``; 503 while the broker is unreachable.
    func create(
        _ new: NewSubscription, by principal: Principal, once request: IdempotentRequest?,
        _ answer: (Subscription) throws -> StoredResponse
    ) async throws -> (Answered, made: (Subscription, SubscriptionCredentials)?) {
        let subscription = Subscription(
            id: SubscriptionID(), of: principal.userID, name: new.name, scope: new.scope, types: new.types,
            delivery: new.delivery, url: new.url, createdAt: clock())
        let password = SecretToken()
        let isQueue = new.delivery == .queue
        let answered = try await stores.change(once: request) { transaction in
            try await stores.subscriptions.insert(
                subscription, passwordHash: isQueue ? password.hash : nil, on: transaction)
            // A consumer that connects right after the response finds its queue, so the broker must be reachable.
            if isQueue, queues?.isBrokerHere != true { throw APIProblem.unavailable() }
            return Change(try answer(subscription), entry("subscription.created", subscription, by: principal))
        }
        if isQueue, !answered.isReplay { await follow(subscription.id) }
        let credentials: SubscriptionCredentials = isQueue ? .queue(password: password) : .webhook(secret(subscription))
        return (answered, answered.isReplay ? nil : (subscription, credentials))
    }

    /// - Throws: ``DomainError/notFound``.
    func edit(_ id: SubscriptionID, _ edit: Edit, by principal: Principal) async throws -> Subscription {
        let (before, after) = try await stores.change { transaction in
            let before = try await held(id, principal, on: transaction)
            var after = before
            after.name = edit.name ?? before.name
            after.types = edit.types ?? before.types
            after.url = edit.url ?? before.url
            if let status = edit.status {
                after.status = status
                after.statusReason = nil
            }
            try await stores.subscriptions.update(after, on: transaction)
            guard before.status != after.status || before.types != after.types || before.url != after.url else {
                return .unchanged((before, after))
            }
            return Change((before, after), entry("subscription.edited", after, before: before, by: principal))
        }
        if after.delivery == .queue, before.status != after.status || before.types != after.types {
            await follow(id)
        }
        return after
    }

    /// Deletes a subscription, and its queue with all messages; no one can connect after the commit.
    /// - Throws: ``DomainError/notFound``.
    func remove(_ id: SubscriptionID, by principal: Principal) async throws {
        let subscription = try await stores.change { transaction in
            let subscription = try await held(id, principal, on: transaction)
            try await stores.subscriptions.remove(subscription, now: clock(), on: transaction)
            return Change(subscription, entry("subscription.deleted", subscription, by: principal))
        }
        if subscription.delivery == .queue { await follow(id) }
    }

    /// Rotates a queue's password, or a webhook's secret.
    /// - Parameter answer: makes the response to be stored: without credentials.
    /// - Returns: the stored response, the subscription, and its credentials. A webhook's secret can be returned again,
    ///   which a repeated request needs: a second rotation after a lost response would leave no secret that both sides
    ///   know. A queue's password is not stored.
    /// - Throws: ``DomainError/notFound``.
    func renew(
        _ id: SubscriptionID, by principal: Principal, once request: IdempotentRequest?,
        _ answer: (Subscription) throws -> StoredResponse
    ) async throws -> (Answered, Subscription, SubscriptionCredentials?) {
        let password = SecretToken()
        let answered = try await stores.change(once: request) { transaction in
            var subscription = try await held(id, principal, on: transaction)
            if subscription.delivery == .queue {
                try await stores.subscriptions.setPassword(password.hash, of: id, on: transaction)
            } else {
                subscription.rotatedAt = clock()
                subscription.generation = try await stores.subscriptions.rotate(id, now: clock(), on: transaction)
            }
            return Change(
                try answer(subscription), entry("subscription.credentials-renewed", subscription, by: principal))
        }
        guard let subscription = try await stores.subscriptions.find(id, of: principal.userID) else {
            throw DomainError.notFound
        }
        if subscription.delivery == .webhook { return (answered, subscription, .webhook(secret(subscription))) }
        return (answered, subscription, answered.isReplay ? nil : .queue(password: password))
    }

    private func held(
        _ id: SubscriptionID, _ principal: Principal, on transaction: Transaction
    ) async throws -> Subscription {
        guard let found = try await stores.subscriptions.hold(id, of: principal.userID, on: transaction) else {
            throw DomainError.notFound
        }
        return found
    }

    private func secret(_ subscription: Subscription) -> WebhookSecret {
        WebhookSecret(webhookKey, subscription: subscription.id, generation: subscription.generation)
    }

    private func follow(_ id: SubscriptionID) async {
        guard let queues, queues.isBrokerHere else { return }
        // If this fails, SubscriptionReconciler does it moments later; it logs what it can't do.
        do { try await SettleQueue(stores: stores, queues: queues).perform(id) } catch {}
    }

    private func entry(
        _ action: String, _ subscription: Subscription, before: Subscription? = nil, by principal: Principal
    ) -> AuditRecord {
        func content(_ subscription: Subscription) -> [String: String] {
            [
                "scope": subscription.scope.rawValue, "delivery": subscription.delivery.rawValue,
                "types": subscription.types.map(\.description).joined(separator: " "),
                "status": subscription.status.rawValue,
            ]
        }
        return AuditRecord(
            action, by: principal.userID, subject: subscription.id.uuid,
            AuditContent(before: before.map(content) ?? [:], after: content(subscription)))
    }
}
