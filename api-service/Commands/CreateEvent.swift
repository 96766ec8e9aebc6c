import Access
import Domain
import Persistence
import Postgres

/// Makes a draft.
struct CreateEvent: Sendable {
    let stores: Stores

    /// - Parameter details: validated.
    func perform(_ details: EventDetails, by owner: UserID) async throws -> Event {
        let id = EventID()
        return try await stores.database.transaction { transaction in
            try await stores.events.insert(id, details, owner: owner, on: transaction)
            try await stores.audit.record(
                "event.created", by: owner, subject: id.uuid, event: id, on: transaction)
            guard let event = try await stores.events.find(id, on: transaction) else { throw DomainError.notFound }
            return event
        }
    }
}
