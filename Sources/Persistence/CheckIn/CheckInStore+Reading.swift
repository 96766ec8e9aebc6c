public import Domain
public import FoundationEssentials
public import Postgres

public struct RecordedScan: Sendable {
    public var id: CheckInID
    public var eventID: EventID
    public var ticketID: TicketID?
    public var registrationID: RegistrationID?
    public var attendeeName: String?
    public var result: CheckInResult
    /// By the device's clock.
    public var at: Date
    public var receivedAt: Date
    public var gate: String?
    public var device: String?
    public var scanID: String?
    public var isOffline: Bool
    public var undoneAt: Date?
    public var undoReason: String?
}

/// A check-in conflict: an admission that should not have happened.
public struct ScanConflict: Sendable {
    public enum Kind: String, Sendable, CaseIterable {
        /// Several gates admitted someone with one ticket.
        case admittedTwice
        /// An offline gate admitted someone whom the server would have refused.
        case refusedLater
    }

    public var kind: Kind
    /// In the order of the devices' clocks; the first one counts.
    public var scans: [RecordedScan]
}

extension CheckInStore {
    /// The scans of an event, newest first, by the time of their receipt.
    public func list(of event: EventID, after: PageKey?, limit: Int) async throws -> Page<RecordedScan> {
        let rows = try await database.list(
            """
            \(fragment: Self.selection)
            WHERE s.event_id = \(event)
                \(given: after, { "AND (s.received_at, s.id) < (\($0.at), \($0.id))" })
            ORDER BY s.received_at DESC, s.id DESC LIMIT \(limit + 1)
            """)
        return Page(try rows.map(Self.scan), limit: limit) { PageKey(at: $0.receivedAt, id: $0.id.uuid) }
    }

    public func find(_ id: CheckInID) async throws -> RecordedScan? {
        try await database.read("\(fragment: Self.selection) WHERE s.id = \(id)").first.map(Self.scan)
    }

    /// The conflicts of an event, last received first.
    public func conflicts(of event: EventID, after: PageKey?, limit: Int) async throws -> Page<ScanConflict> {
        let rows = try await database.list(
            """
            WITH conflict AS (
                SELECT registration_id AS id, max(received_at) AS heard_at FROM scans
                WHERE event_id = \(event) AND result = 'admitted' AND undone_at IS NULL
                GROUP BY registration_id HAVING count(DISTINCT coalesce(device, id::text)) > 1
                UNION ALL
                SELECT id, received_at FROM scans
                WHERE event_id = \(event) AND is_offline AND let_in AND result <> 'admitted'
            ), page AS (
                SELECT id, heard_at FROM conflict
                \(given: after, { "WHERE (heard_at, id) < (\($0.at), \($0.id))" })
                ORDER BY heard_at DESC, id DESC LIMIT \(limit + 1)
            )
            SELECT page.id AS conflict_id, page.heard_at, x.*
            FROM page JOIN (\(fragment: Self.selection)) x
                ON (x.registration_id = page.id AND x.result = 'admitted' AND x.undone_at IS NULL) OR x.id = page.id
            ORDER BY page.heard_at DESC, page.id DESC, x.at, coalesce(x.device, ''), coalesce(x.scan_id, ''), x.id
            """)
        var found: [(key: PageKey, scans: [RecordedScan])] = []
        for row in rows {
            let key = PageKey(at: try row.decode("heard_at"), id: try row.decode("conflict_id"))
            if found.last?.key != key { found.append((key, [])) }
            found[found.count - 1].scans.append(try Self.scan(row))
        }
        let items = found.map { conflict in
            ScanConflict(
                kind: conflict.scans[0].result == .admitted ? .admittedTwice : .refusedLater, scans: conflict.scans)
        }
        return Page(items: Array(items.prefix(limit)), next: found.count > limit ? found[limit - 1].key : nil)
    }

    static let selection: SQL = """
        SELECT s.id, s.event_id, s.ticket_id, s.registration_id, u.display_name, s.result, s.at, s.received_at, s.gate,
            s.device, s.scan_id, s.is_offline, s.undone_at, s.undo_reason
        FROM scans s LEFT JOIN tickets t ON t.id = s.ticket_id LEFT JOIN users u ON u.id = t.user_id
        """

    static func scan(_ row: Row) throws -> RecordedScan {
        RecordedScan(
            id: try row.decode("id"), eventID: try row.decode("event_id"), ticketID: try row.decode("ticket_id"),
            registrationID: try row.decode("registration_id"), attendeeName: try row.decode("display_name"),
            result: try row.decode("result"), at: try row.decode("at"), receivedAt: try row.decode("received_at"),
            gate: try row.decode("gate"), device: try row.decode("device"), scanID: try row.decode("scan_id"),
            isOffline: try row.decode("is_offline"), undoneAt: try row.decode("undone_at"),
            undoReason: try row.decode("undo_reason"))
    }

    // MARK: Undoing

    /// Undoes a check-in: earlier admissions with the registration no longer count, and its ticket is valid again.
    /// Idempotent.
    /// - Parameter reason: the organizer's.
    /// - Throws: ``DomainError/notFound``; ``DomainError/notCheckedIn`` for a scan that admitted no one.
    public func undo(
        _ id: CheckInID, by user: UserID, reason: String, now: Date, on transaction: Transaction
    ) async throws -> RecordedScan {
        let registrations: SQL = """
            SELECT registration_id FROM scans WHERE id = \(id)
            UNION SELECT registration_id FROM check_ins WHERE id = \(id)
            """
        let results = try await transaction.pipeline([
            """
            SELECT t.registration_id, t.user_id, e.owner_id FROM tickets t JOIN events e ON e.id = t.event_id
            WHERE t.registration_id IN (\(fragment: registrations)) ORDER BY t.id FOR UPDATE OF t
            """,
            Self.adoption(of: registrations),
            "\(fragment: Self.selection) WHERE s.id = \(id)",
        ])
        guard let row = results[2].first else { throw DomainError.notFound }
        var scan = try Self.scan(row)
        guard scan.result == .admitted, let ticket = results[0].first, let ticketID = scan.ticketID,
            let registration = scan.registrationID
        else { throw DomainError.notCheckedIn }
        guard scan.undoneAt == nil else { return scan }
        (scan.undoneAt, scan.undoReason) = (now, reason)
        let data = TicketData(
            eventId: scan.eventID, ticketId: ticketID, registrationId: registration,
            userId: try ticket.decode("user_id"), checkInId: id, gate: scan.gate, at: scan.at)
        let undone = try OutboxEntry.fact(
            .ticketCheckInUndone, event: scan.eventID, owner: try ticket.decode("owner_id"), data)
        let audit = try AuditStore.insertion(
            "check-in.undone", by: user, subject: id.uuid, event: scan.eventID,
            AuditContent(
                before: ["checkedIn": "true"], after: ["checkedIn": "false"],
                about: ["ticketId": "\(ticketID)", "registrationId": "\(registration)", "reason": reason]),
            trace: .current)
        _ = try await transaction.pipeline(
            [
                """
                UPDATE scans SET undone_at = \(now), undone_by = \(user), undo_reason = \(reason)
                WHERE registration_id = \(registration) AND result = 'admitted' AND undone_at IS NULL
                """,
                "DELETE FROM check_ins WHERE registration_id = \(registration)", audit,
            ] + OutboxStore.insertions([undone]))
        return scan
    }
}
