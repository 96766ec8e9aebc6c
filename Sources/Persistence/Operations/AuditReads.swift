public import Domain
public import FoundationEssentials
import Postgres

/// An entry of the audit log as administrators read it.
public struct AuditEntry: Sendable {
    public var id: Int
    public var at: Date
    public var action: String
    public var actorID: UserID?
    /// The actor's current name; nil for an anonymous actor, or a deleted account.
    public var actorName: String?
    public var actorEmail: String?
    public var subjectID: UUID?
    /// The subject's current email, if it is an account.
    public var subjectEmail: String?
    public var eventID: EventID?
    public var eventTitle: String?
    public var content: AuditContent
    /// Its content was erased with the person it was about.
    public var isErased: Bool
    public var traceID: String?
    /// The number in the chain; nil until it is sealed.
    public var sealNumber: Int?
}

public struct AuditFilter: Sendable {
    /// Part of the actor's current name or email.
    public var actor: String?
    /// An action, `event.edited`, or a family of actions, `event`.
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
    /// Newest first. A page's key is the number of its last entry, in the last eight bytes of the UUID.
    public func list(_ filter: AuditFilter, after: PageKey?, limit: Int) async throws -> Page<AuditEntry> {
        let found = try await entries(filter, before: after.map { Self.number(in: $0.id) }, limit: limit + 1)
        let rows = try await database.list(
            """
            SELECT a.id, a.at, a.action, a.actor_id, actor.display_name AS actor_name, actor.email AS actor_email,
                a.subject_id, subject.email AS subject_email, a.event_id, e.title AS event_title,
                coalesce(c.content, a.details::text) AS content,
                (a.content_digest IS NOT NULL AND c.audit_id IS NULL) AS is_erased, a.trace_id, s.number
            FROM audit a
                LEFT JOIN users actor ON actor.id = a.actor_id LEFT JOIN users subject ON subject.id = a.subject_id
                LEFT JOIN events e ON e.id = a.event_id LEFT JOIN audit_contents c ON c.audit_id = a.id
                LEFT JOIN audit_seals s ON s.audit_id = a.id
            WHERE a.id = ANY(ARRAY(\(fragment: found))) ORDER BY a.id DESC LIMIT \(limit + 1)
            """)
        return Page(try rows.map(Self.shown), limit: limit) { PageKey(at: $0.at, id: Self.uuid(of: $0.id)) }
    }

    /// The numbers of the newest entries that match a filter. Each filter has an index in the order of the entries; for
    /// several people or actions the newest entries of each are taken, so that nothing else is scanned, however rare
    /// they are.
    private func entries(_ filter: AuditFilter, before last: Int?, limit: Int) async throws -> SQL {
        func newest(_ condition: SQL) -> SQL {
            """
            SELECT a.id FROM audit a WHERE \(fragment: condition) \(given: last, { "AND a.id < \($0)" })
                \(given: filter.action, { "AND \(fragment: Self.isOrBegins("a.action", $0))" })
                \(given: filter.event, { "AND a.event_id = \($0)" })
                \(given: filter.subject, { "AND a.subject_id = \($0)" })
                \(given: filter.from, Self.isSince) \(given: filter.to, Self.isBefore)
            ORDER BY a.id DESC LIMIT \(limit)
            """
        }
        if let words = filter.actor, !words.isEmpty {
            let people = try await UserStore(database).ids(matching: words)
            guard people.count < fewMatches else {
                let named = hasWords(words, in: "actor.email, actor.display_name")
                return newest(
                    "EXISTS (SELECT FROM users actor WHERE actor.id = a.actor_id AND \(fragment: named))")
            }
            return """
                SELECT one.id FROM unnest(\(people)::uuid[]) AS person
                CROSS JOIN LATERAL (\(fragment: newest("a.actor_id = person"))) one
                ORDER BY one.id DESC LIMIT \(limit)
                """
        }
        if let action = filter.action, filter.event == nil, filter.subject == nil {
            return """
                SELECT one.id FROM (\(fragment: Self.actions)) known
                CROSS JOIN LATERAL (\(fragment: newest("a.action = known.action"))) one
                WHERE \(fragment: Self.isOrBegins("known.action", action))
                ORDER BY one.id DESC LIMIT \(limit)
                """
        }
        return newest("true")
    }

    private static func isOrBegins(_ column: SQL, _ action: String) -> SQL {
        "(\(fragment: column) = \(action) OR starts_with(\(fragment: column), \(action) || '.'))"
    }

    /// The existing actions, a few dozen, each found by one index lookup.
    private static let actions: SQL = """
        WITH RECURSIVE known AS (
            (SELECT action FROM audit ORDER BY action LIMIT 1)
            UNION ALL
            SELECT (SELECT a.action FROM audit a WHERE a.action > known.action ORDER BY a.action LIMIT 1)
            FROM known WHERE known.action IS NOT NULL
        )
        SELECT action FROM known WHERE action IS NOT NULL
        """

    /// Numbers increase with time except for transactions in progress, which last minutes at most: entries outside a
    /// period are excluded by their number.
    private static func isSince(_ time: Date) -> SQL {
        """
        AND a.at >= \(time) AND a.id > coalesce((
            SELECT b.id FROM audit b WHERE b.at < \(time - longestTransaction) ORDER BY b.at DESC, b.id DESC LIMIT 1), 0)
        """
    }

    private static func isBefore(_ time: Date) -> SQL {
        """
        AND a.at < \(time) AND a.id < coalesce((
            SELECT b.id FROM audit b WHERE b.at >= \(time + longestTransaction) ORDER BY b.at, b.id LIMIT 1),
            9223372036854775807)
        """
    }

    /// In seconds.
    private static let longestTransaction = 600.0

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

    /// Old rows from before contents had a format contain a flat object; anything else is shown as it is.
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
