import Domain
import FoundationEssentials
import Messaging
import Persistence
import Postgres

/// Stores which webhooks each fact is for.
///
/// The deliveries' key prevents a redelivered fact from being planned twice, so this needs no inbox rows: most facts
/// match no subscription.
struct PlanWebhooks: Sendable {
    let database: Database
    let store: WebhookStore
    let desk: WebhookDispatcher
    var clock: @Sendable () -> Date = { Date() }

    /// Handles any facts, or none of them if it throws.
    func handle(_ messages: [ReceivedMessage]) async throws -> Set<MessageID> {
        let ids = Set(messages.map(\.event.id))
        // Queried each time: a subscription gets what is published after it, without a gap.
        guard try await store.isWanted() else { return ids }
        let facts = messages.map { message in
            WebhookFact(
                id: message.event.id, type: message.event.type,
                eventID: message.event.subject.flatMap { EventID($0) }, ownerID: message.owner,
                sequence: message.event.sequence, at: message.event.time)
        }
        let planned = try await database.transaction { transaction in
            try await store.plan(facts, now: clock(), on: transaction)
        }
        if planned > 0 { desk.wake() }
        return ids
    }
}
