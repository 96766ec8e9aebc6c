public import Domain
public import FoundationEssentials
public import Postgres

/// Everything that stands on a printed ticket. Times are words already, in the event's own zone.
public struct PrintedTicket: Hashable, Sendable {
    public var ticketID: TicketID
    public var code: String
    public var qrText: String
    public var isValid: Bool
    public var holderName: String
    public var title: String
    public var venue: String
    public var organizerName: String
    /// `Saturday, 5 December 2026`
    public var day: String
    /// `19:00 – 22:00`, or the end's day as well when it is another.
    public var hours: String
    /// `Europe/Berlin, UTC+01:00`
    public var zone: String

    public init(
        ticketID: TicketID, code: String, qrText: String, isValid: Bool, holderName: String, title: String,
        venue: String, organizerName: String, day: String, hours: String, zone: String
    ) {
        self.ticketID = ticketID
        self.code = code
        self.qrText = qrText
        self.isValid = isValid
        self.holderName = holderName
        self.title = title
        self.venue = venue
        self.organizerName = organizerName
        self.day = day
        self.hours = hours
        self.zone = zone
    }
}

/// Printed tickets: what they are made of, and the ones made before.
public struct TicketDocumentStore: Sendable {
    let database: Database

    public init(_ database: Database) { self.database = database }

    /// PostgreSQL knows the zones' rules and puts the times into words: a service that links no ICU needs neither.
    public func printed(_ id: TicketID) async throws -> PrintedTicket? {
        let rows = try await database.read(
            """
            SELECT t.code, t.qr_text, t.status = 'valid' AS is_valid, u.display_name, e.title, e.venue,
                o.display_name AS organizer_name,
                to_char(e.starts_at AT TIME ZONE e.time_zone, 'FMDay, FMDD FMMonth YYYY') AS day,
                to_char(e.starts_at AT TIME ZONE e.time_zone, 'HH24:MI') || ' – ' || to_char(
                    e.ends_at AT TIME ZONE e.time_zone,
                    CASE WHEN (e.ends_at AT TIME ZONE e.time_zone)::date = (e.starts_at AT TIME ZONE e.time_zone)::date
                        THEN 'HH24:MI' ELSE 'FMDay, FMDD FMMonth YYYY, HH24:MI' END) AS hours,
                CASE WHEN e.time_zone = 'UTC' THEN 'UTC' ELSE e.time_zone || ', UTC' ||
                    CASE WHEN shift.minutes < 0 THEN '−' ELSE '+' END ||
                    to_char(abs(shift.minutes) / 60, 'FM00') || ':' || to_char(abs(shift.minutes) % 60, 'FM00')
                    END AS zone
            FROM tickets t JOIN events e ON e.id = t.event_id JOIN users u ON u.id = t.user_id
            JOIN users o ON o.id = e.owner_id
            CROSS JOIN LATERAL (
                SELECT (extract(epoch FROM (e.starts_at AT TIME ZONE e.time_zone) - (e.starts_at AT TIME ZONE 'UTC'))
                    / 60)::int AS minutes
            ) shift
            WHERE t.id = \(id)
            """)
        guard let row = rows.first else { return nil }
        return PrintedTicket(
            ticketID: id, code: try row.decode("code"), qrText: try row.decode("qr_text"),
            isValid: try row.decode("is_valid"), holderName: try row.decode("display_name"),
            title: try row.decode("title"), venue: try row.decode("venue"),
            organizerName: try row.decode("organizer_name"), day: try row.decode("day"),
            hours: try row.decode("hours"), zone: try row.decode("zone"))
    }

    /// The document made before, if it was made of the same.
    public func find(_ id: TicketID, fingerprint: [UInt8]) async throws -> [UInt8]? {
        try await database.read(
            "SELECT content FROM ticket_documents WHERE ticket_id = \(id) AND fingerprint = \(fingerprint)"
        ).first?.decode("content")
    }

    /// Keeps a document in the place of an earlier one.
    public func keep(_ content: [UInt8], of id: TicketID, fingerprint: [UInt8]) async throws {
        _ = try await database.execute(
            """
            INSERT INTO ticket_documents (ticket_id, fingerprint, content)
            VALUES (\(id), \(fingerprint), \(content))
            ON CONFLICT (ticket_id) DO UPDATE SET
                fingerprint = excluded.fingerprint, content = excluded.content, made_at = now()
            """)
    }

    /// Forgets the oldest of what was made before a moment; answers how many, at most `limit`.
    public func prune(before: Date, limit: Int, on transaction: Transaction) async throws -> Int {
        try await transaction.query(
            """
            DELETE FROM ticket_documents WHERE ticket_id IN (
                SELECT ticket_id FROM ticket_documents WHERE made_at < \(before) ORDER BY made_at LIMIT \(limit)
            )
            """
        ).affectedRows
    }
}
