public import Domain
public import FoundationEssentials
public import Postgres

/// A scan that a gate decided offline.
public struct OfflineScan: Sendable {
    public var presented: CheckInStore.Presented
    /// With device and scan id.
    public var scan: Scan
    /// The gate's decision.
    public var letIn: Bool

    public init(_ presented: CheckInStore.Presented, scan: Scan, letIn: Bool) {
        self.presented = presented
        self.scan = scan
        self.letIn = letIn
    }
}

extension CheckInStore {
    /// Merges scans that gates decided offline; returns the result of each, given all that are known now.
    ///
    /// The resulting state depends on the scans alone, not on their order of arrival: of all admissions with one
    /// registration, the earliest by the devices' clocks counts, and the others are conflicts. A check-in that an
    /// organizer undid stays undone for earlier scans.
    /// - Throws: ``DomainError/validationFailed(_:)`` for a scan whose id belongs to another code's scan.
    public func merge(
        _ scans: [OfflineScan], at event: EventID, by user: UserID, now: Date, on transaction: Transaction
    ) async throws -> [CheckInOutcome] {
        var merge = try await known(scans, at: event, by: user, on: transaction)
        let fresh = try merge.add(scans)
        let (writes, news) = try merge.consequences(of: fresh, now: now)
        _ = try await transaction.pipeline([Self.insertion(fresh, at: event)] + writes + OutboxStore.insertions(news))
        return scans.map { merge.outcome(of: $0.scan) }
    }

    /// Locks the tickets (in the order of their ids, like everyone who locks several) and reads everything known about
    /// their registrations.
    private func known(
        _ scans: [OfflineScan], at event: EventID, by user: UserID, on transaction: Transaction
    ) async throws -> ScanMerge {
        var (ids, codes): ([TicketID], [String]) = ([], [])
        for scan in scans {
            switch scan.presented {
            case .ticket(let id): ids.append(id)
            case .code(let code): codes.append(code)
            case .refused: break
            }
        }
        let registrations: SQL = """
            SELECT registration_id FROM tickets
            WHERE (id = ANY(\(ids)) OR code = ANY(\(codes))) AND event_id = \(event)
            """
        let names: SQL = """
            unnest(\(scans.map { $0.scan.device ?? "" })::text[], \(scans.map { $0.scan.scanID ?? "" })::text[])
                AS sent (device, scan_id)
            """
        let results = try await transaction.pipeline([
            """
            SELECT t.id, t.code, t.registration_id, t.user_id, t.revoked_at, u.display_name, e.owner_id,
                e.check_in_opens_at, e.cancelled_at
            FROM tickets t JOIN users u ON u.id = t.user_id JOIN events e ON e.id = t.event_id
            WHERE t.registration_id IN (\(fragment: registrations)) ORDER BY t.id FOR UPDATE OF t
            """,
            "SELECT code FROM tickets WHERE code = ANY(\(codes)) AND event_id <> \(event)",
            Self.adoption(of: registrations),
            """
            SELECT s.id, s.ticket_id, s.registration_id, s.at, s.gate, s.device, s.scan_id, s.result, s.by_user_id,
                s.undone_at, s.code_hash
            FROM scans s
            WHERE s.registration_id IN (\(fragment: registrations)) AND s.result = 'admitted'
            UNION
            SELECT s.id, s.ticket_id, s.registration_id, s.at, s.gate, s.device, s.scan_id, s.result, s.by_user_id,
                s.undone_at, s.code_hash
            FROM \(fragment: names) JOIN scans s
                ON s.event_id = \(event) AND coalesce(s.device, '') = sent.device AND s.scan_id = sent.scan_id
            """,
            "SELECT id, registration_id FROM check_ins WHERE registration_id IN (\(fragment: registrations))",
        ])
        return try ScanMerge(
            event: event, user: user, tickets: results[0], elsewhere: results[1], scans: results[3],
            checkIns: results[4])
    }

    /// The previous release stored check-ins only: they become scans here.
    static func adoption(of registrations: SQL) -> SQL {
        """
        INSERT INTO scans (id, event_id, ticket_id, registration_id, at, received_at, gate, device, scan_id, is_offline,
            let_in, result, by_user_id)
        SELECT c.id, c.event_id, c.ticket_id, c.registration_id, c.at, c.at, c.gate, c.device, c.scan_id, false, true,
            'admitted', c.by_user_id
        FROM check_ins c
        WHERE c.registration_id IN (\(fragment: registrations)) AND NOT EXISTS (SELECT 1 FROM scans WHERE id = c.id)
        ON CONFLICT DO NOTHING
        """
    }

    private static func insertion(_ fresh: [ScanMerge.Known], at event: EventID) -> SQL {
        """
        INSERT INTO scans (id, event_id, ticket_id, registration_id, at, gate, device, scan_id, is_offline, let_in,
            result, by_user_id, undone_at, code_hash)
        SELECT id, \(event), ticket_id, registration_id, at, gate, device, scan_id, true, let_in, result, by_user_id,
            undone_at, decode(code_hash, 'hex')
        FROM unnest(
            \(fresh.map(\.admission.id))::uuid[], \(fresh.map(\.ticket))::uuid[], \(fresh.map(\.registration))::uuid[],
            \(fresh.map(\.admission.at))::timestamptz[], \(fresh.map(\.admission.gate))::text[],
            \(fresh.map(\.admission.device))::text[], \(fresh.map(\.admission.scanID))::text[],
            \(fresh.map(\.letIn))::boolean[], \(fresh.map(\.result))::text[], \(fresh.map(\.user))::uuid[],
            \(fresh.map(\.undoneAt))::timestamptz[], \(fresh.map { $0.codeHash.map(Hexadecimal.encode) })::text[])
            AS scan (id, ticket_id, registration_id, at, gate, device, scan_id, let_in, result, by_user_id, undone_at,
                code_hash)
        """
    }
}
