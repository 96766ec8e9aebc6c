public import Domain
public import FoundationEssentials
public import Postgres

/// The content of a printed ticket. Times are text already, in the event's time zone.
public struct PrintedTicket: Hashable, Sendable {
    public var ticketID: TicketID
    public var code: String
    public var qrText: String
    public var isValid: Bool
    public var holderName: String
    public var title: String
    public var venue: String
    public var organizerName: String
    /// The holder's, in which the ticket is printed.
    public var language: Language
    /// In the event's time zone.
    public var starts: Moment
    public var ends: Moment
    /// `Europe/Berlin, UTC+01:00`
    public var zone: String

    /// A local time, split into its parts: PostgreSQL knows the time zone rules, the caller the language.
    public struct Moment: Hashable, Sendable {
        /// 1 for Monday.
        public var weekday: Int
        public var day: Int
        public var month: Int
        public var year: Int
        /// `19:00`
        public var time: String

        public init(weekday: Int, day: Int, month: Int, year: Int, time: String) {
            self.weekday = weekday
            self.day = day
            self.month = month
            self.year = year
            self.time = time
        }

        /// Whether it is the same day.
        public func sharesDay(with other: Moment) -> Bool {
            (year, month, day) == (other.year, other.month, other.day)
        }
    }

    public init(
        ticketID: TicketID, code: String, qrText: String, isValid: Bool, holderName: String, title: String,
        venue: String, organizerName: String, language: Language, starts: Moment, ends: Moment, zone: String
    ) {
        self.ticketID = ticketID
        self.code = code
        self.qrText = qrText
        self.isValid = isValid
        self.holderName = holderName
        self.title = title
        self.venue = venue
        self.organizerName = organizerName
        self.language = language
        self.starts = starts
        self.ends = ends
        self.zone = zone
    }
}

/// Printed tickets: their content, and the stored documents.
public struct TicketDocumentStore: Sendable {
    let database: Database

    public init(_ database: Database) { self.database = database }

    public func printed(_ id: TicketID) async throws -> PrintedTicket? {
        let rows = try await database.read(
            """
            SELECT t.code, t.qr_text, t.status = 'valid' AND e.status <> 'cancelled' AS is_valid, u.display_name, e.title, e.venue,
                o.display_name AS organizer_name,
                u.language, to_char(local_time(e.starts_at, e.time_zone), 'ID DD MM YYYY HH24:MI') AS starts,
                to_char(local_time(e.ends_at, e.time_zone), 'ID DD MM YYYY HH24:MI') AS ends,
                CASE WHEN e.time_zone = 'UTC' THEN 'UTC' ELSE e.time_zone || ', UTC' ||
                    CASE WHEN shift.minutes < 0 THEN '−' ELSE '+' END ||
                    to_char(abs(shift.minutes) / 60, 'FM00') || ':' || to_char(abs(shift.minutes) % 60, 'FM00')
                    END AS zone
            FROM tickets t JOIN events e ON e.id = t.event_id JOIN users u ON u.id = t.user_id
            JOIN users o ON o.id = e.owner_id
            CROSS JOIN LATERAL (
                SELECT (extract(epoch FROM local_time(e.starts_at, e.time_zone) - (e.starts_at AT TIME ZONE 'UTC'))
                    / 60)::int AS minutes
            ) shift
            WHERE t.id = \(id)
            """)
        guard let row = rows.first else { return nil }
        return PrintedTicket(
            ticketID: id, code: try row.decode("code"), qrText: try row.decode("qr_text"),
            isValid: try row.decode("is_valid"), holderName: try row.decode("display_name"),
            title: try row.decode("title"), venue: try row.decode("venue"),
            organizerName: try row.decode("organizer_name"), language: try row.decode("language"),
            starts: try Self.moment(row.decode("starts")), ends: try Self.moment(row.decode("ends")),
            zone: try row.decode("zone"))
    }

    /// In the pattern `ID DD MM YYYY HH24:MI`.
    private static func moment(_ text: String) throws -> PrintedTicket.Moment {
        let parts = text.split(separator: " ")
        guard parts.count == 5, let weekday = Int(parts[0]), let day = Int(parts[1]), let month = Int(parts[2]),
            let year = Int(parts[3])
        else { throw UnreadableMoment() }
        return PrintedTicket.Moment(
            weekday: weekday, day: day, month: month, year: year, time: String(parts[4]))
    }

    /// `to_char` did not follow its pattern.
    private struct UnreadableMoment: Error {}

    /// The stored document, if its content is the same.
    public func find(_ id: TicketID, fingerprint: [UInt8]) async throws -> [UInt8]? {
        try await database.read(
            "SELECT content FROM ticket_documents WHERE ticket_id = \(id) AND fingerprint = \(fingerprint)"
        ).first?.decode("content")
    }

    /// Stores a document, replacing an earlier one.
    public func keep(_ content: [UInt8], of id: TicketID, fingerprint: [UInt8]) async throws {
        _ = try await database.execute(
            """
            INSERT INTO ticket_documents (ticket_id, fingerprint, content)
            VALUES (\(id), \(fingerprint), \(content))
            ON CONFLICT (ticket_id) DO UPDATE SET
                fingerprint = excluded.fingerprint, content = excluded.content, made_at = now()
            """)
    }

    /// Deletes the oldest documents from before a time; returns how many, at most `limit`.
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
