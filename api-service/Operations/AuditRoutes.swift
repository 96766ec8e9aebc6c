import Access
import Domain
import FoundationEssentials
import Hummingbird
import Persistence

/// The audit log, for administrators. `api-service audit verify` checks its chain.
struct AuditRoutes: Sendable {
    let entries: AuditSealStore

    private struct EntryJSON: Encodable {
        struct Actor: Encodable {
            var id: UserID
            @Nullable var displayName: String?
            @Nullable var email: String?
        }

        struct Subject: Encodable {
            var id: String
            /// An account's.
            @Nullable var email: String?
        }

        struct About: Encodable {
            var id: EventID
            @Nullable var title: String?
        }

        var id: String
        var at: Date
        var action: String
        @Nullable var actor: Actor?
        @Nullable var subject: Subject?
        @Nullable var event: About?
        var before: [String: String]
        var after: [String: String]
        var about: [String: String]
        var erased: Bool
        @Nullable var sealNumber: Int?
        @Nullable var traceId: String?

        init(_ entry: AuditEntry) {
            id = String(entry.id)
            at = entry.at
            action = entry.action
            actor = entry.actorID.map { Actor(id: $0, displayName: entry.actorName, email: entry.actorEmail) }
            subject = entry.subjectID.map { Subject(id: $0.uuidString.lowercased(), email: entry.subjectEmail) }
            event = entry.eventID.map { About(id: $0, title: entry.eventTitle) }
            before = entry.content.before ?? [:]
            after = entry.content.after ?? [:]
            about = entry.content.about ?? [:]
            erased = entry.isErased
            sealNumber = entry.sealNumber
            traceId = entry.traceID
        }
    }

    @Sendable func list(_ request: Request, _ context: APIContext) async throws -> Response {
        try Authorization.require(.viewAudit, try context.signedIn())
        var query = QueryFields(request)
        let filter = Self.filter(&query)
        return try await context.page(.audit, of: query, EntryJSON.init) {
            try await entries.list(filter, after: $0, limit: $1)
        }
    }

    @Sendable func table(_ request: Request, _ context: APIContext) async throws -> Response {
        try Authorization.require(.viewAudit, try context.signedIn())
        var query = QueryFields(request)
        let filter = Self.filter(&query)
        try query.validation.check()
        return try await context.table("audit.csv", header: Self.header, Self.row) { [entries] in
            try await entries.list(filter, after: $0, limit: $1)
        }
    }

    private static func filter(_ query: inout QueryFields) -> AuditFilter {
        AuditFilter(
            actor: query.text("actor"), action: query.text("action", maximum: 64),
            event: query.id("eventId", of: EventSubject.self),
            subject: query.id("subjectId", of: UserSubject.self)?.uuid,
            from: query.date("from"), to: query.date("to"))
    }

    private static let header = [
        "entry", "seal", "at", "action", "actor", "actor name", "actor email", "subject", "event", "event title",
        "before", "after", "about", "trace",
    ]

    @Sendable private static func row(_ entry: AuditEntry) -> [String] {
        func words(_ values: [String: String]?) -> String {
            if entry.isErased { return "erased" }
            return (values ?? [:]).sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: "; ")
        }
        return [
            String(entry.id), entry.sealNumber.map(String.init) ?? "", Timestamp.text(entry.at), entry.action,
            entry.actorID?.description ?? "", entry.actorName ?? "", entry.actorEmail ?? "",
            entry.subjectID?.uuidString.lowercased() ?? "", entry.eventID?.description ?? "", entry.eventTitle ?? "",
            words(entry.content.before), words(entry.content.after), words(entry.content.about), entry.traceID ?? "",
        ]
    }
}
