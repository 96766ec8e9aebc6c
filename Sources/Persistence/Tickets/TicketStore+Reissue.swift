public import Domain
public import FoundationEssentials
public import Postgres

extension TicketStore {
    /// A ticket that is locked, with its registration, until the transaction ends, because it is about to be replaced.
    struct Held {
        var data: TicketData
        var owner: UserID
        var status: TicketStatus
        var eventEndsAt: Date
        var isCheckedIn: Bool
    }

    /// Revokes a ticket so that the registration gets a new one. Does nothing if it was revoked before.
    /// - Throws: ``DomainError``: notFound, alreadyCancelled, eventCancelled, eventEnded, alreadyCheckedIn.
    public func reissue(_ id: TicketID, by user: UserID, now: Date, on transaction: Transaction) async throws {
        let held = try await hold(id, now: now, on: transaction)
        if held.status == .revoked { return }
        if held.isCheckedIn { throw DomainError.alreadyCheckedIn }
        let audit = try AuditStore.insertion(
            "ticket.reissued", by: user, subject: id.uuid, event: held.data.eventId,
            AuditContent(
                before: ["status": TicketStatus.valid.rawValue], after: ["status": TicketStatus.revoked.rawValue],
                about: ["registrationId": "\(held.data.registrationId)"]), trace: .current)
        let (statements, news) = try Self.replacement(of: held, now: now)
        _ = try await transaction.pipeline(statements + [audit] + OutboxStore.insertions(news))
    }

    /// Locks the registration and then its ticket, in the usual order; check-ins are read once the ticket is locked: no
    /// gate admits it from then on.
    /// - Throws: ``DomainError``: notFound, alreadyCancelled, eventCancelled, eventEnded.
    func hold(_ id: TicketID, now: Date, on transaction: Transaction) async throws -> Held {
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
        let endsAt = try row.decode("ends_at", as: Date.self)
        if endsAt <= now { throw DomainError.eventEnded }
        let data = TicketData(
            eventId: try row.decode("event_id"), ticketId: id, registrationId: try row.decode("registration_id"),
            userId: try row.decode("user_id"))
        return Held(
            data: data, owner: try row.decode("owner_id"), status: try row.decode("status"), eventEndsAt: endsAt,
            isCheckedIn: try row.decode("is_checked_in"))
    }

    /// The statements that revoke a locked ticket and request the registration's next one.
    static func replacement(of held: Held, now: Date) throws -> (statements: [SQL], news: [OutboxEntry]) {
        let data = held.data
        return (
            [
                "UPDATE tickets SET status = 'revoked', revoked_at = \(now) WHERE id = \(data.ticketId)",
                """
                UPDATE ticket_transfers SET status = 'cancelled', settled_at = \(now)
                WHERE registration_id = \(data.registrationId) AND status = 'offered'
                """,
            ],
            [
                try .fact(.ticketRevoked, event: data.eventId, owner: held.owner, data),
                try .work(
                    .ticketIssue, event: data.eventId,
                    TicketRequestData(eventId: data.eventId, registrationId: data.registrationId)),
            ]
        )
    }
}
