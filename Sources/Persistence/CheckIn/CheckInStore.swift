public import Domain
public import FoundationEssentials
public import Postgres

public struct Scan: Sendable {
    public var gate: String?
    public var device: String?
    /// The device's id for it: sent again, it gets the same response.
    public var scanID: String?
    public var at: Date
    /// SHA-256 of the presented code; nil if unknown.
    public var codeHash: [UInt8]?

    public init(gate: String?, device: String?, scanID: String?, at: Date) {
        self.gate = gate
        self.device = device
        self.scanID = scanID
        self.at = at
    }
}

/// The result of a scan.
public struct CheckInOutcome: Sendable {
    /// A scan that admitted the same person.
    public struct OtherScan: Sendable {
        public var at: Date
        public var gate: String?
        public var device: String?
    }

    public var result: CheckInResult
    public var ticketID: TicketID?
    public var checkInID: CheckInID?
    public var registrationID: RegistrationID?
    public var attendeeName: String?
    public var at: Date?
    public var firstScan: OtherScan?
    /// Another gate admitted the same person, which should not have happened.
    public var conflict: OtherScan?

    public init(result: CheckInResult) { self.result = result }
}

extension CheckInOutcome.OtherScan {
    init(_ admission: Admission) {
        self.init(at: admission.at, gate: admission.gate, device: admission.device)
    }
}

/// Scans and check-ins. Offline decisions are merged by ``merge(_:at:by:now:on:)``.
public struct CheckInStore: Sendable {
    /// How a gate identified the ticket: by the signed text, or by the typed code.
    public enum Presented: Hashable, Sendable {
        case ticket(TicketID)
        case code(String)
        /// Refused by its content: not a ticket of ours, or another event's.
        case refused(CheckInResult)
    }

    let database: Database

    public init(_ database: Database) { self.database = database }

    /// Decides a scan. Of any number of concurrent ones exactly one is admitted: `check_ins_once` decides. A scan that
    /// was decided before gets the same result.
    public func checkIn(
        _ presented: Presented, at event: EventID, scan: Scan, by user: UserID, on transaction: Transaction
    ) async throws -> CheckInOutcome {
        let results = try await transaction.pipeline([Self.ticket(presented), Self.told(scan, at: event)])
        if let row = results[1].first {
            guard try Self.isTwin(row, results[0].first, scan) else { throw Self.scanIDReused }
            return try Self.told(row, scan)
        }
        var outcome = try Self.judge(results[0].first, presented, scan, at: event)
        let id = CheckInID()
        var news: [SQL] = []
        if outcome.result == .admitted, let row = results[0].first {
            let admission = Admission(id: id, at: scan.at, gate: scan.gate, device: scan.device, scanID: scan.scanID)
            let inserted = try await transaction.query(Self.admission(admission, of: outcome, at: event, by: user))
            if inserted.affectedRows == 1 {
                outcome.checkInID = id
                outcome.at = scan.at
                news = OutboxStore.insertions([try Self.checkedIn(outcome, scan, of: row)])
            } else {
                outcome = try await repeated(outcome, scan: scan, on: transaction)
            }
        }
        _ = try await transaction.pipeline([Self.record(outcome, id, scan, at: event, by: user)] + news)
        return outcome
    }

    /// The share lock keeps the ticket from being revoked between this read and the commit.
    private static func ticket(_ presented: Presented) -> SQL {
        let condition: SQL =
            switch presented {
            case .ticket(let id): "t.id = \(id)"
            case .code(let code): "t.code = \(code)"
            case .refused: "false"
            }
        return """
            SELECT t.id, t.event_id, t.registration_id, t.user_id, t.revoked_at, u.display_name, e.owner_id,
                e.check_in_opens_at, e.cancelled_at
            FROM tickets t JOIN users u ON u.id = t.user_id JOIN events e ON e.id = t.event_id
            WHERE \(fragment: condition) FOR SHARE OF t
            """
    }

    /// What can be decided without other scans.
    private static func judge(
        _ row: Row?, _ presented: Presented, _ scan: Scan, at event: EventID
    ) throws -> CheckInOutcome {
        if case .refused(let result) = presented { return CheckInOutcome(result: result) }
        guard let row else { return CheckInOutcome(result: .unknown) }
        guard try row.decode("event_id", as: EventID.self) == event else { return CheckInOutcome(result: .wrongEvent) }
        var outcome = CheckInOutcome(result: .admitted)
        outcome.ticketID = try row.decode("id")
        outcome.registrationID = try row.decode("registration_id")
        outcome.attendeeName = try row.decode("display_name")
        let ticket = ScannedTicket(
            revokedAt: try row.decode("revoked_at"), checkInOpensAt: try row.decode("check_in_opens_at"),
            eventCancelledAt: try row.decode("cancelled_at"))
        // A ticket that has been revoked by now is invalid, whatever the device's clock says.
        if let refusal = ticket.refusal(at: scan.at, isOffline: false) { outcome.result = refusal }
        return outcome
    }

    private static func admission(
        _ admission: Admission, of outcome: CheckInOutcome, at event: EventID, by user: UserID
    ) -> SQL {
        """
        INSERT INTO check_ins (id, ticket_id, event_id, registration_id, at, gate, device, scan_id, by_user_id)
        VALUES (\(admission.id), \(outcome.ticketID), \(event), \(outcome.registrationID), \(admission.at),
            \(admission.gate), \(admission.device), \(admission.scanID), \(user))
        ON CONFLICT DO NOTHING
        """
    }

    /// The ticket was admitted before: by this very scan, whose response got lost, or by another.
    private func repeated(
        _ outcome: CheckInOutcome, scan: Scan, on transaction: Transaction
    ) async throws -> CheckInOutcome {
        let rows = try await transaction.query(
            """
            SELECT id, at, gate, device, scan_id FROM check_ins
            WHERE registration_id = \(outcome.registrationID) OR ticket_id = \(outcome.ticketID)
            """)
        guard let row = rows.first else { return outcome }
        var outcome = outcome
        let first = try Self.admission(row)
        outcome.checkInID = first.id
        if let scanID = first.scanID, scanID == scan.scanID, first.device == scan.device {
            outcome.at = first.at
            return outcome
        }
        outcome.result = .duplicate
        outcome.firstScan = .init(first)
        return outcome
    }

    static func admission(_ row: Row) throws -> Admission {
        Admission(
            id: try row.decode("id"), at: try row.decode("at"), gate: try row.decode("gate"),
            device: try row.decode("device"), scanID: try row.decode("scan_id"))
    }

    /// Records the scan. If its duplicate was faster, there is nothing to add.
    private static func record(
        _ outcome: CheckInOutcome, _ id: CheckInID, _ scan: Scan, at event: EventID, by user: UserID
    ) -> SQL {
        """
        INSERT INTO scans (id, event_id, ticket_id, registration_id, at, gate, device, scan_id, is_offline, let_in,
            result, by_user_id, code_hash)
        VALUES (\(id), \(event), \(outcome.ticketID), \(outcome.registrationID), \(scan.at), \(scan.gate),
            \(scan.device), \(scan.scanID), false, \(outcome.result == .admitted), \(outcome.result), \(user), \(scan.codeHash))
        ON CONFLICT DO NOTHING
        """
    }

    private static func checkedIn(_ outcome: CheckInOutcome, _ scan: Scan, of row: Row) throws -> OutboxEntry {
        let data = TicketData(
            eventId: try row.decode("event_id"), ticketId: try row.decode("id"),
            registrationId: try row.decode("registration_id"), userId: try row.decode("user_id"),
            checkInId: outcome.checkInID, gate: scan.gate, at: scan.at)
        return try .fact(.ticketCheckedIn, event: data.eventId, owner: try row.decode("owner_id"), data)
    }

    // MARK: Repeated scans

    /// A scan id used for another code is the device's error, and reveals nothing.
    static let scanIDReused = DomainError.validationFailed([
        FieldError(field: "scanId", .scanIDReused)
    ])

    /// Whether the recorded scan was of what is presented now.
    private static func isTwin(_ told: Row, _ ticket: Row?, _ scan: Scan) throws -> Bool {
        isTwin(
            ticket: try told.decode("ticket_id"), try told.decode("code_hash", as: [UInt8]?.self),
            ticket: try ticket?.decode("id"), scan.codeHash)
    }

    static func isTwin(
        ticket: TicketID?, _ codeHash: [UInt8]?, ticket other: TicketID?, _ otherHash: [UInt8]?
    ) -> Bool {
        if let codeHash, codeHash == otherHash { return true }
        if ticket != nil || other != nil { return ticket == other }
        // Scans of the previous release have no hash.
        return codeHash == nil || otherHash == nil
    }

    private static func told(_ scan: Scan, at event: EventID) -> SQL {
        """
        SELECT s.id, s.at, s.result, s.ticket_id, s.registration_id, s.code_hash, u.display_name, c.id AS first_id,
            c.at AS first_at, c.gate AS first_gate, c.device AS first_device
        FROM scans s LEFT JOIN tickets t ON t.id = s.ticket_id LEFT JOIN users u ON u.id = t.user_id
        LEFT JOIN check_ins c ON c.registration_id = s.registration_id
        WHERE s.event_id = \(event) AND coalesce(s.device, '') = \(scan.device ?? "") AND s.scan_id = \(scan.scanID)
        """
    }

    private static func told(_ row: Row, _ scan: Scan) throws -> CheckInOutcome {
        var outcome = CheckInOutcome(result: try row.decode("result"))
        outcome.ticketID = try row.decode("ticket_id")
        outcome.registrationID = try row.decode("registration_id")
        outcome.attendeeName = try row.decode("display_name")
        if outcome.result == .admitted {
            outcome.checkInID = try row.decode("id")
            outcome.at = try row.decode("at")
        } else if outcome.result == .duplicate, let at = try row.decode("first_at", as: Date?.self) {
            outcome.checkInID = try row.decode("first_id")
            outcome.firstScan = .init(
                at: at, gate: try row.decode("first_gate"), device: try row.decode("first_device"))
        }
        return outcome
    }
}
