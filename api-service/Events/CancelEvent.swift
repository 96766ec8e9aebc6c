import Access
import Domain
import FoundationEssentials
import Persistence
import Postgres

struct CancelEvent: Sendable {
    let stores: Stores
    let clock: @Sendable () -> Date

    /// Idempotent. A past event can be canceled too: it may only become known later that it didn't take place.
    /// - Throws: ``DomainError/notFound``.
    func perform(_ id: EventID, by principal: Principal) async throws -> Event {
        let now = clock()
        // In any case: the commit may have succeeded although its result was lost.
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
            // A draft was never public. Read after the cancellation: it may have been published in the meantime.
            if after.publishedAt != nil {
                let data = EventData(eventId: id, version: version, status: .cancelled)
                try await stores.outbox.append(
                    [.fact(.eventCancelled, event: id, owner: after.ownerID, data)], on: transaction)
            }
            return after
        }
    }
}
