public import Domain
public import FoundationEssentials
public import Postgres

public struct Announcement: Hashable, Sendable {
    public enum Status: String, Codable, Sendable, CaseIterable {
        /// Due in the future.
        case scheduled
        case posted
        /// Canceled before it was due.
        case cancelled
    }

    public var id: AnnouncementID
    public var eventID: EventID
    public var title: String
    public var body: String
    /// When it was sent, or will be.
    public var at: Date
    public var authorName: String
    public var audience: Audience
    public var status: Status
}

extension Announcement.Status: PostgresEncodable, PostgresDecodable {}

/// Announcements of organizers. The mailing has the announcement's id.
public struct AnnouncementStore: Sendable {
    let database: Database
    let mailings: MailingStore

    public init(_ database: Database) {
        self.database = database
        mailings = MailingStore(database)
    }

    /// Posts it now, or schedules it.
    public func post(
        _ id: AnnouncementID, to event: EventID, by author: UserID, title: String, body: String,
        audience: Audience = .all, at later: Date? = nil, now: Date, on transaction: Transaction
    ) async throws -> Announcement {
        let status: Announcement.Status = later == nil ? .posted : .scheduled
        let rows = try await transaction.query(
            """
            WITH posted AS (
                INSERT INTO announcements (id, event_id, author_id, title, body, audience, status, at)
                VALUES (\(id), \(event), \(author), \(title), \(body), \(audience), \(status), \(later ?? now))
                RETURNING *
            )
            SELECT \(fragment: Self.columns) FROM posted a JOIN users u ON u.id = a.author_id
            """)
        guard let row = rows.first else { throw DomainError.notFound }
        let mailing = MailingID(id.uuid)
        if let later {
            try await mailings.schedule(
                mailing, about: event, .announcement, to: audience, at: later, on: transaction)
        } else {
            try await mailings.begin(mailing, about: event, .announcement, to: audience, now: now, on: transaction)
            try await tell([id], on: transaction)
        }
        return try Self.announcement(row)
    }

    /// Posts those that are due: starts their mailings, and publishes them on the event page.
    public func postDue(now: Date, on transaction: Transaction) async throws {
        let begun = try await mailings.beginDue(now: now, on: transaction).map { AnnouncementID($0.uuid) }
        _ = try await transaction.query(
            "UPDATE announcements SET status = 'posted', at = \(now) WHERE id = ANY(\(begun)) AND status = 'scheduled'")
        try await tell(begun, on: transaction)
        // Those of canceled events.
        _ = try await transaction.query(
            """
            UPDATE announcements a SET status = 'cancelled' FROM mailings m
            WHERE a.status = 'scheduled' AND m.id = a.id AND m.status = 'cancelled'
            """)
    }

    /// Cancels a scheduled one; idempotent.
    /// - Throws: ``DomainError/notFound``, ``DomainError/alreadyPosted``.
    public func cancel(
        _ id: AnnouncementID, of event: EventID, on transaction: Transaction
    ) async throws -> (announcement: Announcement, isNew: Bool) {
        // The mailing's row first, as in `postDue`.
        let isNew = try await mailings.cancel(MailingID(id.uuid), of: event, on: transaction)
        if isNew {
            _ = try await transaction.query("UPDATE announcements SET status = 'cancelled' WHERE id = \(id)")
        }
        let found = try await transaction.query(
            """
            SELECT \(fragment: Self.columns) FROM announcements a JOIN users u ON u.id = a.author_id
            WHERE a.id = \(id) AND a.event_id = \(event)
            """)
        guard let announcement = try found.first.map(Self.announcement) else { throw DomainError.notFound }
        guard announcement.status == .cancelled else { throw DomainError.alreadyPosted }
        return (announcement, isNew)
    }

    /// The posted public ones, newest first.
    public func list(of event: EventID, after: PageKey?, limit: Int) async throws -> Page<Announcement> {
        let rows = try await database.list(
            """
            SELECT \(fragment: Self.columns)
            FROM announcements a JOIN users u ON u.id = a.author_id
            WHERE a.event_id = \(event) AND a.status = 'posted' AND a.audience = 'all'
                \(given: after, { "AND (a.at, a.id) < (\($0.at), \($0.id))" })
            ORDER BY a.at DESC, a.id DESC LIMIT \(limit + 1)
            """)
        return Page(try rows.map(Self.announcement), limit: limit) { PageKey(at: $0.at, id: $0.id.uuid) }
    }

    /// Publishes the message for integrators and the event page.
    private func tell(_ ids: [AnnouncementID], on transaction: Transaction) async throws {
        guard !ids.isEmpty else { return }
        let rows = try await transaction.query(
            """
            SELECT a.id, a.event_id, e.owner_id FROM announcements a JOIN events e ON e.id = a.event_id
            WHERE a.id = ANY(\(ids)) ORDER BY a.id
            """)
        let facts = try rows.map { row in
            let event = try row.decode("event_id", as: EventID.self)
            return try OutboxEntry.fact(
                .announcementPosted, event: event, owner: row.decode("owner_id"),
                AnnouncementData(eventId: event, announcementId: row.decode("id")))
        }
        try await OutboxStore().append(facts, on: transaction)
    }

    private static let columns: SQL =
        "a.id, a.event_id, a.title, a.body, a.at, a.audience, a.status, u.display_name"

    private static func announcement(_ row: Row) throws -> Announcement {
        Announcement(
            id: try row.decode("id"), eventID: try row.decode("event_id"), title: try row.decode("title"),
            body: try row.decode("body"), at: try row.decode("at"), authorName: try row.decode("display_name"),
            audience: try row.decode("audience"), status: try row.decode("status"))
    }
}
