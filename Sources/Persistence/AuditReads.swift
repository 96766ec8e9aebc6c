public import Domain
public import FoundationEssentials
import Postgres

/// An entry of the audit log as administrators read it.
public struct AuditEntry: Sendable {
    public var id: Int
    public var at: Date
    public var action: String
    public var actorID: UserID?
    /// Who that is now; nil for nobody, or somebody whose account is gone.
    public var actorName: String?
    public var actorEmail: String?
    public var subjectID: UUID?
    /// What the subject is called now, when it is an account.
    public var subjectEmail: String?
    public var eventID: EventID?
    public var eventTitle: String?
    public var content: AuditContent
    /// Its content was erased with the person it was about.
    public var isErased: Bool
    public var traceID: String?
    /// In the chain; nil for the moment until it is sealed.
    public var sealNumber: Int?
}

/// Which entries somebody wants to see.
public struct AuditFilter: Sendable {
    /// Part of the actor's name or address now.
    public var actor: String?
    /// An action, `event.edited`, or a family of them, `event`.
    public var action: String?
    public var event: EventID?
    public var subject: UUID?
    public var from: Date?
    public var to: Date?

    public init(
        actor: String? = nil, action: String? = nil, event: EventID? = nil, subject: UUID? = nil, from: Date? = nil,
        to: Date? = nil
    ) {
        self.actor = actor
        self.action = action
        self.event = event
        self.subject = subject
        self.from = from
        self.to = to
    }
}

extension AuditSealStore {
    /// The newest first. The key of a page is the number of its last entry, in the last eight bytes of the UUID.
    public func list(_ filter: AuditFilter, after: PageKey?, limit: Int) async throws -> Page<AuditEntry> {
        let actor = hasWords(filter.actor, in: "actor.email, actor.display_name")
        let last = after.map { Self.number(in: $0.id) }
        let rows = try await database.read(
            """
            SELECT a.id, a.at, a.action, a.actor_id, actor.display_name AS actor_name, actor.email AS actor_email,
                a.subject_id, subject.email AS subject_email, a.event_id, e.title AS event_title,
                coalesce(c.content, a.details::text) AS content,
                (a.content_digest IS NOT NULL AND c.audit_id IS NULL) AS is_erased, a.trace_id, s.number
            FROM audit a
                LEFT JOIN users actor ON actor.id = a.actor_id LEFT JOIN users subject ON subject.id = a.subject_id
                LEFT JOIN events e ON e.id = a.event_id LEFT JOIN audit_contents c ON c.audit_id = a.id
                LEFT JOIN audit_seals s ON s.audit_id = a.id
            WHERE \(fragment: actor) \(given: last, { "AND a.id < \($0)" })
                \(given: filter.action, { "AND (a.action = \($0) OR starts_with(a.action, \($0) || '.'))" })
                \(given: filter.event, { "AND a.event_id = \($0)" })
                \(given: filter.subject, { "AND a.subject_id = \($0)" })
                \(given: filter.from, { "AND a.at >= \($0)" }) \(given: filter.to, { "AND a.at < \($0)" })
            ORDER BY a.id DESC LIMIT \(limit + 1)
            """)
        return Page(try rows.map(Self.shown), limit: limit) { PageKey(at: $0.at, id: Self.uuid(of: $0.id)) }
    }

    private static func shown(_ row: Row) throws -> AuditEntry {
        AuditEntry(
            id: try row.decode("id"), at: try row.decode("at"), action: try row.decode("action"),
            actorID: try row.decode("actor_id"), actorName: try row.decode("actor_name"),
            actorEmail: try row.decode("actor_email"), subjectID: try row.decode("subject_id"),
            subjectEmail: try row.decode("subject_email"), eventID: try row.decode("event_id"),
            eventTitle: try row.decode("event_title"), content: content(try row.decode("content")),
            isErased: try row.decode("is_erased"), traceID: try row.decode("trace_id"),
            sealNumber: try row.decode("number"))
    }

    /// Rows from before contents had a form hold a flat object; what is neither is shown as it is.
    private static func content(_ json: String?) -> AuditContent {
        guard let json else { return AuditContent() }
        if let content = decoded(AuditContent.self, json), !content.isEmpty { return content }
        return AuditContent(about: decoded([String: String].self, json) ?? ["content": json])
    }

    private static func decoded<Value: Decodable>(_ type: Value.Type, _ json: String) -> Value? {
        do { return try WireJSON.decode(type, from: Array(json.utf8)) } catch { return nil }
    }

    private static func uuid(of number: Int) -> UUID {
        let bytes = withUnsafeBytes(of: UInt64(number).bigEndian) { Array($0) }
        return UUID(
            uuid: (
                0, 0, 0, 0, 0, 0, 0, 0, bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], bytes[7]
            ))
    }

    private static func number(in uuid: UUID) -> Int {
        withUnsafeBytes(of: uuid.uuid) { Int(Int64(bigEndian: $0.loadUnaligned(fromByteOffset: 8, as: Int64.self))) }
    }
}
