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

/// Makes, changes and ends subscriptions, and with them the broker's queues.
///
/// The row is held while the broker is told, and what the broker refuses did not happen: one who is away for a moment costs a
/// 503, never a subscription without a queue.
struct ManageSubscriptions: Sendable {
    let stores: Stores
    /// Nil where no relay runs.
    let queues: SubscriptionQueues?
    let webhookKey: WebhookKey
    let clock: @Sendable () -> Date

    struct Wish: Sendable {
        var name: String
        var scope: SubscriptionScope
        var types: [MessagePattern]
        var delivery: SubscriptionDelivery
        var url: String?
    }

    struct Change: Sendable {
        var name: String?
        var types: [MessagePattern]?
        var url: String?
        var status: SubscriptionStatus?
    }

    /// - Parameter answer: makes the answer to be kept: without credentials.
    /// - Returns: what is kept, and what was made unless that was before.
    /// - Throws: ``DomainError/limitReached``; 503 while the broker is away.
    func create(
        _ wish: Wish, by principal: Principal, once request: IdempotentRequest?,
        _ answer: (Subscription) throws -> StoredResponse
    ) async throws -> (Answered, made: (Subscription, SubscriptionCredentials)?) {
        let subscription = Subscription(
            id: SubscriptionID(), of: principal.userID, name: wish.name, scope: wish.scope, types: wish.types,
            delivery: wish.delivery, url: wish.url, createdAt: clock())
        let password = SecretToken()
        let isQueue = wish.delivery == .queue
        let answered = try await stores.database.transaction { transaction in
            try await stores.idempotency.once(request, on: transaction) {
                try await stores.subscriptions.insert(
                    subscription, passwordHash: isQueue ? password.hash : nil, on: transaction)
                try await record("subscription.created", subscription, by: principal, on: transaction)
                let response = try answer(subscription)
                if isQueue { try await tell { try await $0.declare(subscription.queue) } }
                return response
            }
        }
        let credentials: SubscriptionCredentials = isQueue ? .queue(password: password) : .webhook(secret(subscription))
        return (answered, answered.isReplay ? nil : (subscription, credentials))
    }

    /// - Throws: ``DomainError/notFound``; 503 while the broker is away.
    func edit(_ id: SubscriptionID, _ change: Change, by principal: Principal) async throws -> Subscription {
        try await stores.database.transaction { transaction in
            let before = try await held(id, principal, on: transaction)
            var after = before
            after.name = change.name ?? before.name
            after.types = change.types ?? before.types
            after.url = change.url ?? before.url
            if let status = change.status {
                after.status = status
                after.statusReason = nil
            }
            try await stores.subscriptions.update(after, on: transaction)
            if before.status != after.status || before.types != after.types || before.url != after.url {
                try await record("subscription.edited", after, before: before, by: principal, on: transaction)
            }
            if before.delivery == .queue, before.queue != after.queue {
                try await tell { [before, after] in try await $0.change(before.queue, to: after.queue) }
            }
            return after
        }
    }

    /// Takes a subscription away, its queue with all that is in it.
    /// - Throws: ``DomainError/notFound``; 503 while the broker is away.
    func remove(_ id: SubscriptionID, by principal: Principal) async throws {
        try await stores.database.transaction { transaction in
            let subscription = try await held(id, principal, on: transaction)
            if subscription.delivery == .queue { try await tell { try await $0.remove(id) } }
            try await stores.subscriptions.remove(id, on: transaction)
            try await record("subscription.deleted", subscription, by: principal, on: transaction)
        }
    }

    /// Gives a queue's reader another password, or a webhook another secret.
    /// - Throws: ``DomainError/notFound``.
    func renew(
        _ id: SubscriptionID, by principal: Principal
    ) async throws -> (Subscription, SubscriptionCredentials) {
        try await stores.database.transaction { transaction in
            var subscription = try await held(id, principal, on: transaction)
            try await record("subscription.credentials-renewed", subscription, by: principal, on: transaction)
            if subscription.delivery == .queue {
                let password = SecretToken()
                try await stores.subscriptions.setPassword(password.hash, of: id, on: transaction)
                return (subscription, .queue(password: password))
            }
            subscription.rotatedAt = clock()
            subscription.generation = try await stores.subscriptions.rotate(id, now: clock(), on: transaction)
            return (subscription, .webhook(secret(subscription)))
        }
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

    private func tell(_ body: (SubscriptionQueues) async throws -> Void) async throws {
        try await SubscriptionQueues.tell(queues, body)
    }

    private func record(
        _ action: String, _ subscription: Subscription, before: Subscription? = nil, by principal: Principal,
        on transaction: Transaction
    ) async throws {
        func content(_ subscription: Subscription) -> [String: String] {
            [
                "scope": subscription.scope.rawValue, "delivery": subscription.delivery.rawValue,
                "types": subscription.types.map(\.description).joined(separator: " "),
                "status": subscription.status.rawValue,
            ]
        }
        try await stores.audit.record(
            action, by: principal.userID, subject: subscription.id.uuid,
            AuditContent(before: before.map(content) ?? [:], after: content(subscription)), on: transaction)
    }
}

extension SubscriptionQueues {
    /// - Throws: 503 while the broker is away.
    static func tell(
        _ queues: SubscriptionQueues?, _ body: (SubscriptionQueues) async throws -> Void
    ) async throws {
        // At once, rather than after a timeout: a row is held meanwhile.
        guard let queues, queues.isBrokerHere else { throw APIProblem.unavailable() }
        do { try await body(queues) } catch is BrokerError { throw APIProblem.unavailable() }
    }
}

extension Subscription {
    /// As the broker shall have it.
    var queue: SubscribedQueue {
        SubscribedQueue(
            id: id, owner: userID, scope: scope, types: types, isFed: status == .active)
    }
}
