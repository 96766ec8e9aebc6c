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
            // Nobody outside ever heard of a draft. Read behind the cancellation: what was a draft before it may have
            // been published meanwhile.
            guard after.publishedAt != nil else { return Change(after, entry) }
            let data = EventData(eventId: id, version: version, status: .cancelled)
            return Change(
                after, entry, messages: [try .fact(.eventCancelled, event: id, owner: after.ownerID, data)])
        }
    }
}
