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
        return try await stores.change(of: id) { transaction in
            guard let before = try await stores.events.find(id, on: transaction) else { throw DomainError.notFound }
            let version = try await stores.registrations.cancelEvent(id, now: now, on: transaction)
            guard let version else { return .unchanged(before) }
            let entry = AuditRecord(
                "event.cancelled", by: principal.userID, subject: id.uuid, event: id,
                AuditContent(
                    before: ["status": before.storedStatus.rawValue],
                    after: ["status": EventStatus.cancelled.rawValue]))
            guard let after = try await stores.events.find(id, on: transaction) else { throw DomainError.notFound }
            // A draft was never public. Read after the cancellation: it may have been published in the meantime.
            guard after.publishedAt != nil else { return Change(after, entry) }
            let data = EventData(eventId: id, version: version, status: .cancelled)
            return Change(
                after, entry, messages: [try .fact(.eventCancelled, event: id, owner: after.ownerID, data)])
        }
    }
}
