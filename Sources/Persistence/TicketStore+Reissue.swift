public import Domain
public import FoundationEssentials
public import Postgres

extension TicketStore {
    /// Takes a ticket back for the registration to get its next one. A ticket that was taken back before needs nothing.
    /// - Throws: ``DomainError``: notFound, alreadyCancelled, eventCancelled, eventEnded, alreadyCheckedIn.
    public func reissue(_ id: TicketID, by user: UserID, now: Date, on transaction: Transaction) async throws {
        // The registration before its tickets, as everywhere; who came is looked up once the ticket is held: no gate
        // admits it from then on.
        let results = try await transaction.pipeline([
            """
            SELECT 1 FROM registrations WHERE id = (SELECT registration_id FROM tickets WHERE id = \(id))
            FOR NO KEY UPDATE
            """,
            "SELECT 1 FROM tickets WHERE id = \(id) FOR UPDATE",
            """
            SELECT t.status, t.registration_id, t.event_id, t.user_id, r.status AS registration_status,
                e.status AS event_status, e.ends_at, e.owner_id,
                EXISTS (SELECT 1 FROM check_ins WHERE registration_id = r.id) AS is_checked_in
            FROM tickets t JOIN registrations r ON r.id = t.registration_id JOIN events e ON e.id = t.event_id
            WHERE t.id = \(id)
            """,
        ])
        guard let row = results[2].first else { throw DomainError.notFound }
        if try row.decode("event_status", as: EventStatus.self) == .cancelled { throw DomainError.eventCancelled }
        if try row.decode("registration_status", as: RegistrationStatus.self) != .confirmed {
            throw DomainError.alreadyCancelled
        }
        if try row.decode("ends_at", as: Date.self) <= now { throw DomainError.eventEnded }
        if try row.decode("status", as: TicketStatus.self) == .revoked { return }
        if try row.decode("is_checked_in", as: Bool.self) { throw DomainError.alreadyCheckedIn }
        try await revoke(id, row, by: user, now: now, on: transaction)
    }

    private func revoke(
        _ id: TicketID, _ row: Row, by user: UserID, now: Date, on transaction: Transaction
    ) async throws {
        let data = TicketData(
            eventId: try row.decode("event_id"), ticketId: id, registrationId: try row.decode("registration_id"),
            userId: try row.decode("user_id"))
        let entries: [OutboxEntry] = [
            try .fact(.ticketRevoked, event: data.eventId, owner: try row.decode("owner_id"), data),
            try .work(
                .ticketIssue, event: data.eventId,
                TicketWishData(eventId: data.eventId, registrationId: data.registrationId)),
        ]
        let statements: [SQL] = [
            "UPDATE tickets SET status = 'revoked', revoked_at = \(now) WHERE id = \(id)",
            try AuditStore.insertion(
                "ticket.reissued", by: user, subject: id.uuid, event: data.eventId,
                details: ["registrationId": "\(data.registrationId)"], trace: .current),
        ]
        _ = try await transaction.pipeline(statements + OutboxStore.insertions(entries))
    }
}
