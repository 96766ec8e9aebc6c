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
        _ = try await transaction.query(
            Self.insertion(action, by: actor, subject: subject, event: event, details: details, trace: .current))
    }

    /// The statement of ``record(_:by:subject:event:details:on:)``, for callers that pipeline.
    static func insertion(
        _ action: String, by actor: UserID?, subject: UUID?, event: EventID?, details: [String: String] = [:],
        trace: TraceContext?
    ) throws -> SQL {
        let json = String(decoding: try WireJSON.encode(details), as: UTF8.self)
        return """
            INSERT INTO audit (actor_id, action, subject_id, event_id, details, trace_id)
            VALUES (\(actor), \(action), \(subject), \(event), \(json)::jsonb, \(trace?.traceID))
            """
    }
}
