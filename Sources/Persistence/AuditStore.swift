public import Domain
public import FoundationEssentials
public import Postgres

/// Who did what: written with the change itself. Ids only, no personal value.
public struct AuditStore: Sendable {
    public init() {}

    /// - Parameter subject: what it was done to, if that is one thing.
    public func record(
        _ action: String, by actor: UserID?, subject: UUID?, event: EventID? = nil, details: [String: String] = [:],
        on transaction: Transaction
    ) async throws {
        let json = String(decoding: try WireJSON.encode(details), as: UTF8.self)
        _ = try await transaction.query(
            """
            INSERT INTO audit (actor_id, action, subject_id, event_id, details, trace_id)
            VALUES (\(actor), \(action), \(subject), \(event), \(json)::jsonb, \(TraceContext.current?.traceID))
            """)
    }
}
