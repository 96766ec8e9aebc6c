public import Domain
public import FoundationEssentials
public import Postgres

/// What a gate without the network has to know of one ticket.
public struct ManifestTicket: Sendable {
    public enum State: String, Sendable {
        case valid, revoked, checkedIn
    }

    public var id: TicketID
    public var issue: Int
    public var code: String
    public var holderName: String
    public var state: State
    public var firstScanAt: Date?
    public var firstScanGate: String?
}

/// Reads what gates take along.
public struct ManifestStore: Sendable {
    let database: Database

    public init(_ database: Database) { self.database = database }

    /// A number that changes with every ticket issued or revoked, every check-in made or taken back, every new name of a
    /// holder and every edit of the event. Far cheaper than the manifest itself.
    public func stamp(of event: EventID) async throws -> String? {
        let rows = try await database.read(
            """
            SELECT e.version,
                (SELECT coalesce(bit_xor(hashtextextended(
                        t.id::text || \(fragment: TicketStore.shownStatus) || holder_renames, 0)), 0)
                    FROM tickets t WHERE t.event_id = e.id) AS tickets,
                (SELECT coalesce(bit_xor(hashtextextended(id::text || at, 0)), 0) FROM check_ins
                    WHERE event_id = e.id) AS check_ins
            FROM events e WHERE e.id = \(event)
            """)
        guard let row = rows.first else { return nil }
        let (tickets, checkIns) = (
            try row.decode("tickets", as: Int64.self), try row.decode("check_ins", as: Int64.self)
        )
        let version = try row.decode("version", as: Int.self)
        return
            "\(version).\(String(UInt64(bitPattern: tickets), radix: 36)).\(String(UInt64(bitPattern: checkIns), radix: 36))"
    }

    /// Every ticket of an event, also the revoked ones: a gate shall tell them from forged ones. On a connection of its
    /// own: twenty thousand rows would hold up everybody's reads.
    public func tickets(of event: EventID) async throws -> [ManifestTicket] {
        try await database.transaction(.readOnly) { transaction in
            // By the registration: who came with an earlier ticket of it has come.
            try await transaction.query(
                """
                SELECT t.id, t.issue, t.code, u.display_name, \(fragment: TicketStore.shownStatus) = 'revoked' AS is_revoked, c.at,
                    c.gate
                FROM tickets t JOIN users u ON u.id = t.user_id JOIN events e ON e.id = t.event_id
                LEFT JOIN check_ins c ON c.registration_id = t.registration_id
                WHERE t.event_id = \(event) ORDER BY t.id
                """
            ).map { row in
                // By position: looking seven columns up by name costs more than reading them, twenty thousand times.
                let at = try row.decode(at: 5, as: Date?.self)
                let isRevoked = try row.decode(at: 4, as: Bool.self)
                return ManifestTicket(
                    id: try row.decode(at: 0), issue: try row.decode(at: 1), code: try row.decode(at: 2),
                    holderName: try row.decode(at: 3), state: isRevoked ? .revoked : at == nil ? .valid : .checkedIn,
                    firstScanAt: at, firstScanGate: try row.decode(at: 6))
            }
        }
    }
}
