import Access
import Domain
import FoundationEssentials
import Persistence
import Postgres

/// Calls an event off.
struct CancelEvent: Sendable {
    let stores: Stores
    let clock: @Sendable () -> Date

    /// Cancelling twice changes nothing and answers the same. An event that is over can be called off too: that it didn't take
    /// place may be known only afterwards.
    /// - Throws: ``DomainError/notFound``.
    func perform(_ id: EventID, by principal: Principal) async throws -> Event {
        let now = clock()
        // However it ends: a commit may have happened of which nobody heard.
        defer { stores.eventCache.invalidate(id) }
        return try await stores.database.transaction { transaction in
            guard let before = try await stores.events.find(id, on: transaction) else { throw DomainError.notFound }
            let version = try await stores.registrations.cancelEvent(id, now: now, on: transaction)
            guard let version else { return before }
            try await stores.audit.record(
                "event.cancelled", by: principal.userID, subject: id.uuid, event: id,
                AuditContent(
                    before: ["status": before.storedStatus.rawValue],
                    after: ["status": EventStatus.cancelled.rawValue]),
                on: transaction)
            guard let after = try await stores.events.find(id, on: transaction) else { throw DomainError.notFound }
            // Nobody outside ever heard of a draft. Read behind the cancellation: what was a draft before it may have
            // been published meanwhile.
            if after.publishedAt != nil {
                let data = EventData(eventId: id, version: version, status: .cancelled)
                try await stores.outbox.append(
                    [.fact(.eventCancelled, event: id, owner: after.ownerID, data)], on: transaction)
            }
            return after
        }
    }
}
