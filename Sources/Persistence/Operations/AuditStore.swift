import Crypto
public import Domain
public import FoundationEssentials
public import Postgres

/// The content of an audit log entry besides actor, action and time: the values before and after, and other details.
///
/// It is stored separately from the entry, which contains a salted digest of it, and can be erased with the person it
/// is about.
public struct AuditContent: Codable, Hashable, Sendable {
    public var before: [String: String]?
    public var after: [String: String]?
    public var about: [String: String]?

    /// Empty parts are omitted.
    public init(before: [String: String] = [:], after: [String: String] = [:], about: [String: String] = [:]) {
        self.before = before.isEmpty ? nil : before
        self.after = after.isEmpty ? nil : after
        self.about = about.isEmpty ? nil : about
    }

    var isEmpty: Bool { before == nil && after == nil && about == nil }
}

/// The audit log: written with the change itself. A row contains ids only, no personal data; the services can insert
/// and read rows. Rows are sealed moments later, by one sealer at a time: ``AuditSealStore``.
public struct AuditStore: Sendable {
    public init() {}

    /// - Parameters:
    ///   - actor: nil for the command line, or an anonymous action.
    ///   - subject: the object of the action, if it is a single one.
    ///   - expiry: until when the content is kept; nil for as long as the entry.
    public func record(
        _ action: String, by actor: UserID?, subject: UUID?, event: EventID? = nil,
        _ content: AuditContent = AuditContent(), until expiry: Date? = nil, on transaction: Transaction
    ) async throws {
        _ = try await transaction.query(
            Self.insertion(
                action, by: actor, subject: subject, event: event, content, until: expiry, trace: .current))
    }

    /// Erases contents that expired by `time`; the entries stay.
    /// - Returns: how many entries lost their content, at most `limit`.
    public func eraseExpired(at time: Date, limit: Int, on transaction: Transaction) async throws -> Int {
        try await transaction.query("SELECT erase_expired_audit_contents(\(time), \(Int32(limit))) AS erased")
            .first?.decode("erased") ?? 0
    }

    /// Erases the contents about a person, their registrations and tickets; the entries and the chain stay.
    /// - Returns: how many entries lost their content.
    @discardableResult
    public func erase(_ person: UserID, on transaction: Transaction) async throws -> Int {
        try await transaction.query("SELECT erase_audit_contents(\(person)) AS erased").first?.decode("erased") ?? 0
    }

    /// The statement of ``record(_:by:subject:event:_:on:)``, for callers that pipeline.
    static func insertion(
        _ action: String, by actor: UserID?, subject: UUID?, event: EventID?,
        _ content: AuditContent = AuditContent(), until expiry: Date? = nil, trace: TraceContext?
    ) throws -> SQL {
        if content.isEmpty {
            return """
                INSERT INTO audit (actor_id, action, subject_id, event_id, trace_id)
                VALUES (\(actor), \(action), \(subject), \(event), \(trace?.traceID))
                """
        }
        let json = try WireJSON.encode(content)
        let salt = AuditChain.salt()
        let digest = AuditChain.digest(ofContent: json, salt: salt)
        return """
            WITH added AS (
                INSERT INTO audit (actor_id, action, subject_id, event_id, content_digest, trace_id)
                VALUES (\(actor), \(action), \(subject), \(event), \(digest), \(trace?.traceID)) RETURNING id
            )
            INSERT INTO audit_contents (audit_id, salt, content, expires_at)
            SELECT id, \(salt), \(String(decoding: json, as: UTF8.self)), \(expiry)::timestamptz FROM added
            """
    }
}
