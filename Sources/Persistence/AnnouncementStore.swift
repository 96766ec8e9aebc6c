public import Domain
public import FoundationEssentials
public import Postgres

public struct Announcement: Hashable, Sendable {
    public var id: AnnouncementID
    public var eventID: EventID
    public var title: String
    public var body: String
    public var at: Date
    public var authorName: String
}

public struct AnnouncementStore: Sendable {
    let database: Database

    public init(_ database: Database) { self.database = database }

    public func post(
        _ id: AnnouncementID, to event: EventID, by author: UserID, title: String, body: String,
        on transaction: Transaction
    ) async throws -> Announcement {
        let rows = try await transaction.query(
            """
            WITH posted AS (
                INSERT INTO announcements (id, event_id, author_id, title, body)
                VALUES (\(id), \(event), \(author), \(title), \(body)) RETURNING *
            )
            SELECT p.id, p.event_id, p.title, p.body, p.at, u.display_name, e.owner_id
            FROM posted p JOIN users u ON u.id = p.author_id JOIN events e ON e.id = p.event_id
            """)
        guard let row = rows.first else { throw DomainError.notFound }
        let data = AnnouncementData(eventId: event, announcementId: id)
        try await OutboxStore().append(
            [.fact(.announcementPosted, event: event, owner: try row.decode("owner_id"), data)], on: transaction)
        return try Self.announcement(row)
    }

    /// The newest first.
    public func list(of event: EventID, after: PageKey?, limit: Int) async throws -> Page<Announcement> {
        let rows = try await database.read(
            """
            SELECT a.id, a.event_id, a.title, a.body, a.at, u.display_name
            FROM announcements a JOIN users u ON u.id = a.author_id
            WHERE a.event_id = \(event) AND (\(after?.at) IS NULL OR (a.at, a.id) < (\(after?.at), \(after?.id)))
            ORDER BY a.at DESC, a.id DESC LIMIT \(limit + 1)
            """)
        return Page(try rows.map(Self.announcement), limit: limit) { PageKey(at: $0.at, id: $0.id.uuid) }
    }

    private static func announcement(_ row: Row) throws -> Announcement {
        Announcement(
            id: try row.decode("id"), eventID: try row.decode("event_id"), title: try row.decode("title"),
            body: try row.decode("body"), at: try row.decode("at"), authorName: try row.decode("display_name"))
    }
}
