public import Domain
import FoundationEssentials
import Postgres

/// The progress of an event's mailings.
public struct MailingsState: Hashable, Sendable {
    /// Newest first.
    public var items: [MailingProgress]
    /// As in ``CheckInState``.
    public var revision: Int
}

extension LiveStore {
    /// The mailings in progress or done within the last ten minutes: the newest five of each event.
    public func mailings(of events: [EventID]) async throws -> [EventID: MailingsState] {
        guard !events.isEmpty else { return [:] }
        let rows = try await database.read(
            """
            SELECT e.id AS of_event, floor(extract(epoch FROM statement_timestamp()) * 1000)::bigint AS revision,
                m.id, m.kind, m.status, \(fragment: MailingStore.progressColumns)
            FROM unnest(\(events)) AS e (id)
            LEFT JOIN LATERAL (
                SELECT * FROM mailings
                WHERE event_id = e.id AND (status IN ('planning', 'sending')
                    OR status = 'done' AND done_at > now() - interval '10 minutes')
                ORDER BY at DESC, id DESC LIMIT 5
            ) m ON true
            \(fragment: MailingStore.progressCounts)
            ORDER BY e.id, m.at DESC, m.id DESC
            """)
        var states: [EventID: MailingsState] = [:]
        for row in rows {
            let event = try row.decode("of_event", as: EventID.self)
            var state = try states[event] ?? MailingsState(items: [], revision: try row.decode("revision"))
            if try row.decode("id", as: MailingID?.self) != nil { state.items.append(try MailingStore.progress(row)) }
            states[event] = state
        }
        return states
    }
}
