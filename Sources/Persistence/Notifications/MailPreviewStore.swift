public import Domain
public import FoundationEssentials
public import Postgres

public struct MailPreviewRequest: Sendable {
    public var event: EventID
    public var kind: NotificationKind
    public var language: Language
    /// For an announcement.
    public var announcement: (title: String, body: String)?
    public var paragraph: String
    public var colour: String?

    public init(
        event: EventID, kind: NotificationKind, language: Language, announcement: (title: String, body: String)?,
        paragraph: String, colour: String?
    ) {
        self.event = event
        self.kind = kind
        self.language = language
        self.announcement = announcement
        self.paragraph = paragraph
        self.colour = colour
    }
}

/// A rendered email preview.
public struct MailPreview: Sendable {
    public var subject: String
    public var text: String
    /// Complete: with its images inlined.
    public var html: String

    public init(subject: String, text: String, html: String) {
        self.subject = subject
        self.text = text
        self.html = html
    }
}

/// Email previews: api-service stores the request, notifications renders it.
public struct MailPreviewStore: Sendable {
    /// How long a preview is available, in seconds.
    public static let lifetime: TimeInterval = 3600

    let database: Database

    public init(_ database: Database) { self.database = database }

    /// Stores the request, with the job for it.
    public func ask(_ request: MailPreviewRequest, as id: MailPreviewID, at now: Date) async throws {
        let job = try OutboxEntry.work(.mailPreview, event: nil, MailPreviewData(previewId: id))
        try await database.transaction { transaction in
            _ = try await transaction.query(
                """
                INSERT INTO mail_previews (id, event_id, created_at, kind, language, title, body, paragraph, colour)
                VALUES (\(id), \(request.event), \(now), \(request.kind), \(request.language), \(request.announcement?.title),
                    \(request.announcement?.body), \(request.paragraph), \(request.colour))
                """)
            try await OutboxStore().append([job], on: transaction)
        }
    }

    /// Nil if it doesn't exist or has expired.
    public func request(_ id: MailPreviewID) async throws -> MailPreviewRequest? {
        let rows = try await database.read(
            """
            SELECT event_id, kind, language, title, body, paragraph, colour FROM mail_previews WHERE id = \(id)
            """)
        guard let row = rows.first else { return nil }
        var announcement: (title: String, body: String)?
        if let title = try row.decode("title", as: String?.self), let body = try row.decode("body", as: String?.self) {
            announcement = (title, body)
        }
        return MailPreviewRequest(
            event: try row.decode("event_id"), kind: try row.decode("kind"), language: try row.decode("language"),
            announcement: announcement, paragraph: try row.decode("paragraph"), colour: try row.decode("colour"))
    }

    public func fulfil(_ id: MailPreviewID, _ preview: MailPreview) async throws {
        try await database.transaction { transaction in
            _ = try await transaction.query(
                """
                UPDATE mail_previews
                SET subject = \(preview.subject), plain_text = \(preview.text), html = \(preview.html)
                WHERE id = \(id)
                """)
        }
    }

    /// Nil until it is rendered, and once it has expired.
    public func find(_ id: MailPreviewID, now: Date) async throws -> MailPreview? {
        try await database.read(
            """
            SELECT subject, plain_text, html FROM mail_previews
            WHERE id = \(id) AND html IS NOT NULL AND created_at > \(now.addingTimeInterval(-Self.lifetime))
            """
        ).first.map {
            MailPreview(
                subject: try $0.decode("subject"), text: try $0.decode("plain_text"), html: try $0.decode("html"))
        }
    }

    /// Deletes requests from before `time`; at most `limit` rows. Returns how many.
    public func prune(before time: Date, limit: Int, on transaction: Transaction) async throws -> Int {
        try await transaction.query(
            """
            DELETE FROM mail_previews WHERE id IN (
                SELECT id FROM mail_previews WHERE created_at < \(time) ORDER BY created_at LIMIT \(limit))
            """
        ).affectedRows
    }
}
