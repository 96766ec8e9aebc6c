import Access
import Domain
import FoundationEssentials
import Persistence
import Postgres

/// Calls an event off.
struct CancelEvent: Sendable {
    let stores: Stores
    let clock: @Sendable () -> Date

    /// Cancelling twice changes nothing and answers the same.
    /// - Throws: ``DomainError/notFound``, ``DomainError/eventEnded``.
    func perform(_ id: EventID, by principal: Principal) async throws -> Event {
        let now = clock()
        return try await stores.database.transaction { transaction in
            guard let before = try await stores.events.find(id, on: transaction) else { throw DomainError.notFound }
            if before.status(at: now) == .ended { throw DomainError.eventEnded }
            let version = try await stores.registrations.cancelEvent(id, now: now, on: transaction)
            guard let version else { return before }
            try await stores.audit.record(
                "event.cancelled", by: principal.userID, subject: id.uuid, event: id, on: transaction)
            // Nobody outside ever heard of a draft.
            if before.storedStatus == .published {
                let data = EventData(eventId: id, version: version, status: .cancelled)
                try await stores.outbox.append(
                    [.fact(.eventCancelled, event: id, owner: before.ownerID, data)], on: transaction)
            }
            guard let after = try await stores.events.find(id, on: transaction) else { throw DomainError.notFound }
            return after
        }
    }
}
