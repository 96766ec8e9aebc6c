import Access
import Domain
import FoundationEssentials
import Persistence
import Postgres

/// Publishes a draft.
struct PublishEvent: Sendable {
    let stores: Stores
    let clock: @Sendable () -> Date

    /// Idempotent.
    /// - Throws: ``DomainError/eventCancelled``, ``DomainError/eventEnded``.
    func perform(_ id: EventID, by actor: UserID) async throws -> Event {
        let now = clock()
        return try await stores.change(of: id) { transaction in
            let version = try await stores.events.publish(id, on: transaction)
            guard let event = try await stores.events.find(id, on: transaction) else { throw DomainError.notFound }
            switch event.status(at: now) {
            case .cancelled: throw DomainError.eventCancelled
            case .ended: throw DomainError.eventEnded  // a draft whose time has passed stays a draft: rolled back
            case .draft, .published: break
            }
            guard let version else { return .unchanged(event) }
            let entry = AuditRecord(
                "event.published", by: actor, subject: id.uuid, event: id,
                AuditContent(
                    before: ["status": EventStatus.draft.rawValue], after: ["status": EventStatus.published.rawValue]))
            let data = EventData(eventId: id, version: version, status: .published)
            return Change(
                event, entry, messages: [try .fact(.eventPublished, event: id, owner: event.ownerID, data)])
        }
    }
}
