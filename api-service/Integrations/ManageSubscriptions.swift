import AMQP
import Access
import Domain
import FoundationEssentials
import Messaging
import Persistence
import Postgres
import Webhooks

/// What a subscription's reader proves itself with. Shown once: it stands nowhere.
enum SubscriptionCredentials: Sendable {
    case queue(password: SecretToken)
    case webhook(WebhookSecret)
}

/// Makes, changes and ends subscriptions, and with them the broker's queues, which follow as soon as that is committed.
///
/// What the broker can't be told at once ``SubscriptionReconciler`` tells it: there is no queue without a subscription, and none
/// is lacking for longer than the broker is away.
struct ManageSubscriptions: Sendable {
    let stores: Stores
    /// Nil where no relay runs.
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

    /// - Parameter answer: makes the answer to be kept: without credentials.
    /// - Returns: what is kept, and what was made unless that was before.
    /// - Throws: ``DomainError/limitReached``; 503 while the broker is away.
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
            // A reader who comes with the answer finds a queue, so that the broker has to be here.
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

    /// Takes a subscription away, its queue with all that is in it; nobody comes in any more from the commit on.
    /// - Throws: ``DomainError/notFound``.
    func remove(_ id: SubscriptionID, by principal: Principal) async throws {
        let subscription = try await stores.change { transaction in
            let subscription = try await held(id, principal, on: transaction)
            try await stores.subscriptions.remove(subscription, now: clock(), on: transaction)
            return Change(subscription, entry("subscription.deleted", subscription, by: principal))
        }
        if subscription.delivery == .queue { await follow(id) }
    }

    /// Gives a queue's reader another password, or a webhook another secret.
    /// - Parameter answer: makes the answer to be kept: without credentials.
    /// - Returns: what is kept, the subscription, and its credentials. A webhook's secret can be told again, which a repeat
    ///   must be: whoever rotated twice because an answer was lost would have no secret left that both sides know. Of a
    ///   queue's password nothing is kept.
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
        // What fails here SubscriptionReconciler does a moment later; it logs what it can't do.
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
