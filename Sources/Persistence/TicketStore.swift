public import Domain
public import FoundationEssentials
public import Postgres

public struct TicketStore: Sendable {
    let database: Database

    public init(_ database: Database) { self.database = database }

    /// What a ticket is made for: a registration whose row is held until the transaction ends, so that a cancellation
    /// comes either before (then there is nothing to issue) or after (then it finds the ticket and revokes it).
    public struct Occasion: Sendable {
        public var registrationID: RegistrationID
        public var eventID: EventID
        public var userID: UserID
        public var ownerID: UserID
        public var eventEndsAt: Date
    }

    /// A confirmed registration that has no valid ticket yet; nil when there is nothing to do.
    public func occasion(for registration: RegistrationID, on transaction: Transaction) async throws -> Occasion? {
        let results = try await transaction.pipeline([
            "SELECT 1 FROM registrations WHERE id = \(registration) FOR NO KEY UPDATE",
            """
            SELECT r.event_id, r.user_id, e.owner_id, e.ends_at
            FROM registrations r JOIN events e ON e.id = r.event_id
            WHERE r.id = \(registration) AND r.status = 'confirmed' AND e.status <> 'cancelled'
                AND NOT EXISTS (SELECT 1 FROM tickets WHERE registration_id = r.id AND status = 'valid')
            """,
        ])
        guard let row = results[1].first else { return nil }
        return Occasion(
            registrationID: registration, eventID: try row.decode("event_id"), userID: try row.decode("user_id"),
            ownerID: try row.decode("owner_id"), eventEndsAt: try row.decode("ends_at"))
    }

    /// How many tickets a registration has had.
    public func issueCount(of registration: RegistrationID, on transaction: Transaction) async throws -> Int {
        try await transaction.query(
            "SELECT count(*) AS count FROM tickets WHERE registration_id = \(registration)"
        ).first?.decode("count") ?? 0
    }

    /// Stores a ticket and its message; false when the code is taken (draw another).
    public func insert(
        _ ticket: Ticket, issue: Int, owner: UserID, on transaction: Transaction
    ) async throws -> Bool {
        let inserted = try await transaction.query(
            """
            INSERT INTO tickets (id, registration_id, event_id, user_id, code, qr_text, issue, issued_at)
            VALUES (\(ticket.id), \(ticket.registrationID), \(ticket.eventID), \(ticket.userID), \(ticket.code),
                \(ticket.qrText), \(issue), \(ticket.issuedAt))
            ON CONFLICT ON CONSTRAINT tickets_code_unique DO NOTHING
            """
        ).affectedRows
        guard inserted == 1 else { return false }
        let data = TicketData(
            eventId: ticket.eventID, ticketId: ticket.id, registrationId: ticket.registrationID, userId: ticket.userID)
        try await OutboxStore().append(
            [.fact(.ticketIssued, event: ticket.eventID, owner: owner, data)], on: transaction)
        return true
    }

    public func find(_ id: TicketID) async throws -> (ticket: Ticket, event: EventSummary, holderName: String)? {
        let rows = try await database.read(
            """
            SELECT t.id, t.registration_id, t.event_id, t.user_id, t.code, t.qr_text, t.status, t.issued_at,
                t.revoked_at, c.at AS checked_in_at, e.title, e.venue, e.starts_at, e.ends_at, e.time_zone,
                e.status AS event_status, u.display_name
            FROM tickets t JOIN events e ON e.id = t.event_id JOIN users u ON u.id = t.user_id
            LEFT JOIN check_ins c ON c.ticket_id = t.id
            WHERE t.id = \(id)
            """)
        guard let row = rows.first, let ticket = try Self.ticket(row, prefixed: false) else { return nil }
        let event = EventSummary(
            id: ticket.eventID, title: try row.decode("title"), venue: try row.decode("venue"),
            startsAt: try row.decode("starts_at"), endsAt: try row.decode("ends_at"),
            timeZone: try row.decode("time_zone"), storedStatus: try row.decode("event_status"))
        return (ticket, event, try row.decode("display_name"))
    }

    /// The newest ticket of each registration.
    static func newest(of registrations: [RegistrationID]) -> SQL {
        """
        SELECT DISTINCT ON (t.registration_id) t.id, t.registration_id, t.event_id, t.user_id, t.code, t.qr_text,
            t.status, t.issued_at, t.revoked_at, c.at AS checked_in_at
        FROM tickets t LEFT JOIN check_ins c ON c.ticket_id = t.id
        WHERE t.registration_id = ANY(\(registrations)) ORDER BY t.registration_id, t.issue DESC
        """
    }

    /// Reads a ticket's columns.
    /// - Parameter prefixed: whether id and status are named `ticket_id` and `ticket_status`, beside a registration
    ///   whose `id` they belong to; then the ticket may be missing.
    static func ticket(_ row: Row, prefixed: Bool) throws -> Ticket? {
        guard let id = try row.decode(prefixed ? "ticket_id" : "id", as: TicketID?.self) else { return nil }
        return Ticket(
            id: id, eventID: try row.decode("event_id"),
            registrationID: try row.decode(prefixed ? "id" : "registration_id"), userID: try row.decode("user_id"),
            code: try row.decode("code"), qrText: try row.decode("qr_text"),
            status: try row.decode(prefixed ? "ticket_status" : "status"), issuedAt: try row.decode("issued_at"),
            revokedAt: try row.decode("revoked_at"), checkedInAt: try row.decode("checked_in_at"))
    }
}
