public import Domain
public import FoundationEssentials
public import Postgres

/// One scan at a gate.
public struct Scan: Sendable {
    public var gate: String?
    public var device: String?
    public var scanID: String?
    public var at: Date

    public init(gate: String?, device: String?, scanID: String?, at: Date) {
        self.gate = gate
        self.device = device
        self.scanID = scanID
        self.at = at
    }
}

/// What a scan came to.
public struct CheckInOutcome: Sendable {
    public struct FirstScan: Sendable {
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
    public var firstScan: FirstScan?

    public init(result: CheckInResult) { self.result = result }
}

public struct CheckInStore: Sendable {
    /// How the gate knows the ticket: by the signed text, or by what was typed.
    public enum Presented: Sendable {
        case ticket(TicketID)
        case code(String)
    }

    public init() {}

    /// Decides a scan. Of any number at once exactly one is admitted: `check_ins_once` decides.
    public func checkIn(
        _ presented: Presented, at event: EventID, scan: Scan, by user: UserID, on transaction: Transaction
    ) async throws -> CheckInOutcome {
        let condition: SQL =
            switch presented {
            case .ticket(let id): "t.id = \(id)"
            case .code(let code): "t.code = \(code)"
            }
        // The share lock keeps the ticket from being revoked between this look and the commit.
        let found = try await transaction.query(
            """
            SELECT t.id, t.event_id, t.registration_id, t.user_id, t.status, u.display_name, e.owner_id,
                e.check_in_opens_at
            FROM tickets t JOIN users u ON u.id = t.user_id JOIN events e ON e.id = t.event_id
            WHERE \(fragment: condition) FOR SHARE OF t
            """)
        guard let row = found.first else { return CheckInOutcome(result: .unknown) }
        guard try row.decode("event_id", as: EventID.self) == event else {
            return CheckInOutcome(result: .wrongEvent)
        }
        var outcome = CheckInOutcome(result: .admitted)
        let ticket = try row.decode("id", as: TicketID.self)
        outcome.ticketID = ticket
        outcome.registrationID = try row.decode("registration_id")
        outcome.attendeeName = try row.decode("display_name")
        if try row.decode("status", as: TicketStatus.self) == .revoked {
            outcome.result = .revoked
            return outcome
        }
        if let opens = try row.decode("check_in_opens_at", as: Date?.self), scan.at < opens {
            outcome.result = .notYetValid
            return outcome
        }
        let checkIn = CheckInID()
        let inserted = try await transaction.query(
            """
            INSERT INTO check_ins (id, ticket_id, event_id, registration_id, at, gate, device, scan_id, by_user_id)
            VALUES (\(checkIn), \(ticket), \(event), \(outcome.registrationID), \(scan.at), \(scan.gate),
                \(scan.device), \(scan.scanID), \(user))
            ON CONFLICT ON CONSTRAINT check_ins_once DO NOTHING
            """
        ).affectedRows
        guard inserted == 1 else { return try await repeated(outcome, scan: scan, on: transaction) }
        outcome.checkInID = checkIn
        outcome.at = scan.at
        let data = TicketData(
            eventId: event, ticketId: ticket, registrationId: try row.decode("registration_id"),
            userId: try row.decode("user_id"), checkInId: checkIn, gate: scan.gate, at: scan.at)
        try await OutboxStore().append(
            [.fact(.ticketCheckedIn, event: event, owner: try row.decode("owner_id"), data)], on: transaction)
        return outcome
    }

    /// The ticket was admitted before: by this very scan, whose answer got lost, or by another.
    private func repeated(
        _ outcome: CheckInOutcome, scan: Scan, on transaction: Transaction
    ) async throws -> CheckInOutcome {
        let rows = try await transaction.query(
            "SELECT id, at, gate, device, scan_id FROM check_ins WHERE ticket_id = \(outcome.ticketID)")
        guard let row = rows.first else { return outcome }
        var outcome = outcome
        let scanID = try row.decode("scan_id", as: String?.self)
        let device = try row.decode("device", as: String?.self)
        outcome.checkInID = try row.decode("id")
        if let scanID, scanID == scan.scanID, device == scan.device {
            outcome.at = try row.decode("at")
            return outcome
        }
        outcome.result = .duplicate
        outcome.firstScan = .init(at: try row.decode("at"), gate: try row.decode("gate"), device: device)
        return outcome
    }
}
