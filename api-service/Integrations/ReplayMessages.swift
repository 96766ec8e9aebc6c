import AMQP
import Access
import Domain
import FoundationEssentials
import Messaging
import Persistence
import Postgres

/// Replays part of an event's log to a subscription: the same messages with the same ids, to no one else.
struct ReplayMessages: Sendable {
    let stores: Stores
    /// Nil if no relay runs.
    let queues: SubscriptionQueues?
    let clock: @Sendable () -> Date

    struct Selection: Sendable {
        var event: EventID
        /// The sequence of the last message to skip.
        var after: Int
        /// Number of log messages to read.
        var limit: Int
    }

    /// - Parameter answer: makes the response to be stored, from the number of replayed messages and the sequence to
    ///   continue from, if there are more.
    /// - Throws: ``DomainError/notFound`` also for an event that the subscription doesn't cover;
    ///   ``DomainError/subscriptionNotActive``; ``EventLogStore/Pruned``; 503 while the broker is unreachable.
    func perform(
        _ selection: Selection, into id: SubscriptionID, by principal: Principal, once request: IdempotentRequest?,
        _ answer: (_ replayed: Int, _ next: Int?) throws -> StoredResponse
    ) async throws -> Answered {
        try await stores.database.transaction { transaction in
            // Evaluated once only: a repeat gets the first response, whatever the subscription's state.
            try await stores.idempotency.once(request, on: transaction) {
                let (event, stretch, subscription) = try await stretch(selection, id, principal)
                let wanted = stretch.messages.filter { message in
                    subscription.types.contains { $0.matches(message.type) }
                }
                let response = try answer(wanted.count, stretch.hasMore ? stretch.messages.last?.sequence : nil)
                switch subscription.delivery {
                case .queue: try await publish(wanted, of: event, to: id)
                case .webhook:
                    try await stores.webhooks.replay(
                        wanted.map { Self.fact($0, of: event) }, to: id, now: clock(),
                        on: transaction)
                }
                return response
            }
        }
    }

    private func stretch(
        _ selection: Selection, _ id: SubscriptionID, _ principal: Principal
    ) async throws -> (Event, EventLogStore.Stretch, Subscription) {
        guard let subscription = try await stores.subscriptions.find(id, of: principal.userID),
            let event = try await stores.events.find(selection.event), Self.covers(subscription, event, principal)
        else { throw DomainError.notFound }
        if subscription.status != .active { throw DomainError.subscriptionNotActive }
        let stretch = try await stores.eventLog.messages(of: event.id, after: selection.after, limit: selection.limit)
        return (event, stretch, subscription)
    }

    private func publish(_ messages: [CloudEvent], of event: Event, to id: SubscriptionID) async throws {
        // At once, rather than after a timeout: the idempotency key is locked meanwhile.
        guard let queues, queues.isBrokerHere else { throw APIProblem.unavailable() }
        do {
            try await queues.replay(messages, owner: event.ownerID, to: id)
        } catch is BrokerError { throw APIProblem.unavailable() }
    }

    private static func fact(_ message: CloudEvent, of event: Event) -> WebhookFact {
        WebhookFact(
            id: message.id, type: message.type, eventID: event.id, ownerID: event.ownerID, sequence: message.sequence,
            at: message.time)
    }

    private static func covers(_ subscription: Subscription, _ event: Event, _ principal: Principal) -> Bool {
        switch subscription.scope {
        case .own: event.ownerID == principal.userID
        case .all: principal.role == .admin
        }
    }
}
