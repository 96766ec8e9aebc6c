import Access
import Domain
import Persistence
import Postgres

struct CreateEvent: Sendable {
    let stores: Stores

    /// - Parameter details: validated.
    func perform(_ details: EventDetails, by owner: UserID) async throws -> Event {
        try await stores.change { transaction in
            let (event, entry) = try await create(details, by: owner, on: transaction)
            return Change(event, entry)
        }
    }

    /// The same, once per Idempotency-Key.
    /// - Parameter answer: makes the response, which is stored with the draft.
    func perform(
        _ details: EventDetails, by owner: UserID, once request: IdempotentRequest?,
        _ answer: (Event) throws -> StoredResponse
    ) async throws -> Answered {
        try await stores.change(once: request) { transaction in
            let (event, entry) = try await create(details, by: owner, on: transaction)
            return Change(try answer(event), entry)
        }
    }

    private func create(
        _ details: EventDetails, by owner: UserID, on transaction: Transaction
    ) async throws -> (Event, AuditRecord) {
        let id = EventID()
        try await stores.events.insert(id, details, owner: owner, on: transaction)
        guard let event = try await stores.events.find(id, on: transaction) else { throw DomainError.notFound }
        let entry = AuditRecord(
            "event.created", by: owner, subject: id.uuid, event: id,
            AuditContent(after: details.fields.reduce(into: [:]) { $0[$1.name] = $1.value }))
        return (event, entry)
    }
}
