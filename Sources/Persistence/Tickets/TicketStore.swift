public import Domain
public import FoundationEssentials
public import Postgres

/// A ticket with its event and registration.
public struct TicketDetail: Sendable {
    public var ticket: Ticket
    public var event: EventSummary
    public var eventVersion: Int
    /// How often its registration was transferred.
    public var transfers: Int
    public var isCancelled: Bool
    public var holderName: String
}

public struct TicketStore: Sendable {
    let database: Database

    public init(_ database: Database) { self.database = database }

    /// The registration that a ticket is issued for: its row is locked (``hold(_:waiting:on:)``), so that a
    /// cancellation comes either before (then there is nothing to issue) or after (then it finds the ticket and revokes
    /// it).
    public struct Occasion: Sendable {
        public var registrationID: RegistrationID
        public var eventID: EventID
        public var userID: UserID
        public var ownerID: UserID
        public var eventEndsAt: Date
        /// How many tickets the registration has had.
        public var issued: Int
    }

    /// A ticket to be issued, with the data of its message.
    public struct Issue: Sendable {
        public var ticket: Ticket
        /// Counts the registration's tickets from 1.
        public var number: Int
        public var owner: UserID
        /// The trace of the work that it comes from.
        public var traceparent: String?

        public init(_ ticket: Ticket, number: Int, owner: UserID, traceparent: String? = nil) {
            self.ticket = ticket
            self.number = number
            self.owner = owner
            self.traceparent = traceparent
        }
    }

    /// Locks the rows of registrations until the transaction ends; returns their holders.
    ///
    /// - Parameter waiting: whether to wait for a row that is locked, or to skip it. Whoever locks many must not wait:
    ///   a batch of cancellations locks many as well, and the capacity row with them.
    public func hold(
        _ registrations: [RegistrationID], waiting: Bool, on transaction: Transaction
    ) async throws -> Set<RegistrationID> {
        let held = try await transaction.query(
            """
            SELECT id FROM registrations WHERE id = ANY(\(registrations))
            FOR NO KEY UPDATE \(fragment: waiting ? "" : "SKIP LOCKED")
            """)
        return Set(try held.map { try $0.decode("id", as: RegistrationID.self) })
    }

    /// Those of the locked registrations that are confirmed and have no valid ticket yet.
    ///
    /// Counted instead of tested by NOT EXISTS: that is a join, for which a plan made while there were no tickets reads
    /// every valid ticket once for each registration (225 ms for 128 of them with 10,000 tickets, against 1 ms).
    public func occasions(
        for registrations: [RegistrationID], on transaction: Transaction
    ) async throws -> [Occasion] {
        try await transaction.query(
            """
            SELECT r.id, r.event_id, r.user_id, e.owner_id, e.ends_at,
                (SELECT count(*) FROM tickets WHERE registration_id = r.id) AS issued
            FROM registrations r JOIN events e ON e.id = r.event_id
            WHERE r.id = ANY(\(registrations)) AND r.status = 'confirmed' AND e.status <> 'cancelled'
                AND (SELECT count(*) FROM tickets WHERE registration_id = r.id AND status = 'valid') = 0
            """
        ).map { row in
            Occasion(
                registrationID: try row.decode("id"), eventID: try row.decode("event_id"),
                userID: try row.decode("user_id"), ownerID: try row.decode("owner_id"),
                eventEndsAt: try row.decode("ends_at"), issued: try row.decode("issued"))
        }
    }

    /// Stores tickets, each with its message; returns those that are not stored because their code is taken (draw
    /// another).
    public func insert(_ issues: [Issue], on transaction: Transaction) async throws -> [Issue] {
        guard !issues.isEmpty else { return [] }
        let stored = try await transaction.query(
            """
            INSERT INTO tickets (id, registration_id, event_id, user_id, code, qr_text, issue, issued_at)
            SELECT * FROM unnest(
                \(issues.map(\.ticket.id))::uuid[], \(issues.map(\.ticket.registrationID))::uuid[],
                \(issues.map(\.ticket.eventID))::uuid[], \(issues.map(\.ticket.userID))::uuid[],
                \(issues.map(\.ticket.code))::text[], \(issues.map(\.ticket.qrText))::text[],
                \(issues.map(\.number))::int[], \(issues.map(\.ticket.issuedAt))::timestamptz[])
            ON CONFLICT ON CONSTRAINT tickets_code_unique DO NOTHING
            RETURNING id
            """)
        let ids = Set(try stored.map { try $0.decode("id", as: TicketID.self) })
        let messages = try issues.filter { ids.contains($0.ticket.id) }.map { issue in
            let ticket = issue.ticket
            var message = try OutboxEntry.fact(
                .ticketIssued, event: ticket.eventID, owner: issue.owner,
                TicketData(
                    eventId: ticket.eventID, ticketId: ticket.id, registrationId: ticket.registrationID,
                    userId: ticket.userID))
            message.traceparent = issue.traceparent ?? message.traceparent
            return message
        }
        try await OutboxStore().append(messages, on: transaction)
        return issues.filter { !ids.contains($0.ticket.id) }
    }

    public func find(_ id: TicketID) async throws -> TicketDetail? {
        let rows = try await database.read(
            """
            SELECT t.id, t.registration_id, t.event_id, t.user_id, t.code, t.qr_text,
                \(fragment: Self.shownStatus) AS status, t.issued_at, \(fragment: Self.shownRevocation) AS revoked_at,
                c.at AS checked_in_at, e.title, e.venue, e.starts_at, e.ends_at, e.time_zone,
                e.status AS event_status, e.version AS event_version,
                (SELECT count(*) FROM ticket_transfers x WHERE x.registration_id = r.id AND x.status = 'accepted')
                    AS transfers,
                r.status = 'cancelled' AS is_cancelled,
                u.display_name
            FROM tickets t JOIN events e ON e.id = t.event_id JOIN users u ON u.id = t.user_id
            JOIN registrations r ON r.id = t.registration_id
            LEFT JOIN check_ins c ON c.ticket_id = t.id
            WHERE t.id = \(id)
            """)
        guard let row = rows.first, let ticket = try Self.ticket(row, prefixed: false) else { return nil }
        let event = EventSummary(
            id: ticket.eventID, title: try row.decode("title"), venue: try row.decode("venue"),
            startsAt: try row.decode("starts_at"), endsAt: try row.decode("ends_at"),
            timeZone: try row.decode("time_zone"), storedStatus: try row.decode("event_status"))
        return TicketDetail(
            ticket: ticket, event: event, eventVersion: try row.decode("event_version"),
            transfers: try row.decode("transfers"),
            isCancelled: try row.decode("is_cancelled"), holderName: try row.decode("display_name"))
    }

    /// The status of a ticket `t` for an event `e`: from the event's cancellation on, no ticket is valid. Their rows
    /// follow, step by step.
    static let shownStatus: SQL = "CASE WHEN e.status = 'cancelled' THEN 'revoked' ELSE t.status END"

    /// When it was revoked: individually, or with its event.
    static let shownRevocation: SQL = "coalesce(t.revoked_at, e.cancelled_at)"

    static func newest(of registrations: [RegistrationID]) -> SQL {
        """
        SELECT DISTINCT ON (t.registration_id) t.id, t.registration_id, t.event_id, t.user_id, t.code, t.qr_text,
            \(fragment: shownStatus) AS status, t.issued_at, \(fragment: shownRevocation) AS revoked_at,
            c.at AS checked_in_at
        FROM tickets t JOIN events e ON e.id = t.event_id LEFT JOIN check_ins c ON c.ticket_id = t.id
        WHERE t.registration_id = ANY(\(registrations)) ORDER BY t.registration_id, t.issue DESC
        """
    }

    /// Decodes a ticket's columns.
    /// - Parameter prefixed: whether id and status are named `ticket_id` and `ticket_status`, next to a registration's
    ///   `id`; then the ticket may be missing.
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
