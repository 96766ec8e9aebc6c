import Domain
import FoundationEssentials
import Messaging
import Persistence
import Postgres

/// Writes down which webhooks each fact is for.
///
/// The deliveries' own key keeps a fact that comes again from being planned twice, so that this leaves no inbox rows: most
/// facts are for nobody.
struct PlanWebhooks: Sendable {
    let database: Database
    let store: WebhookStore
    let desk: WebhookDispatcher
    var clock: @Sendable () -> Date = { Date() }

    /// Handles any facts, or by throwing none of them.
    func handle(_ messages: [ReceivedMessage]) async throws -> Set<MessageID> {
        let ids = Set(messages.map(\.event.id))
        // Asked each time: a subscription is meant for what comes after it, and not for what comes a moment later.
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
