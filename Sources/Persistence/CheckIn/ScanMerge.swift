import Domain
import FoundationEssentials
import Postgres

/// The state while offline scans are merged: the tickets, which are locked, and every scan that admitted someone.
struct ScanMerge {
    struct Ticket {
        var id: TicketID
        var registration: RegistrationID
        var user: UserID
        var owner: UserID
        var holderName: String
        var facts: ScannedTicket
    }

    struct Known {
        /// Only if `result` says so; otherwise just the scan's own data.
        var admission: Admission
        var ticket: TicketID?
        var registration: RegistrationID?
        var result: CheckInResult
        var letIn: Bool
        var user: UserID
        var undoneAt: Date?
        /// Of the presented code, if known.
        var codeHash: [UInt8]?
    }

    /// A device's identification of a scan.
    private struct Name: Hashable {
        var device: String
        var scanID: String

        init(_ device: String?, _ scanID: String?) {
            self.device = device ?? ""
            self.scanID = scanID ?? ""
        }
    }

    private let event: EventID
    private let user: UserID
    private var tickets: [TicketID: Ticket] = [:]
    private var byCode: [String: TicketID] = [:]
    private var elsewhere: Set<String> = []
    private var byName: [Name: Known] = [:]
    private var admitted: [RegistrationID: [Known]] = [:]
    private var undoneAt: [RegistrationID: Date] = [:]
    /// The admission that counted before.
    private var counted: [RegistrationID: CheckInID] = [:]
    private var admissions: [RegistrationID: Admissions] = [:]

    init(
        event: EventID, user: UserID, tickets: QueryResult, elsewhere: QueryResult, scans: QueryResult,
        checkIns: QueryResult
    ) throws {
        self.event = event
        self.user = user
        for row in tickets {
            let ticket = Ticket(
                id: try row.decode("id"), registration: try row.decode("registration_id"),
                user: try row.decode("user_id"), owner: try row.decode("owner_id"),
                holderName: try row.decode("display_name"),
                facts: ScannedTicket(
                    revokedAt: try row.decode("revoked_at"), checkInOpensAt: try row.decode("check_in_opens_at"),
                    eventCancelledAt: try row.decode("cancelled_at")))
            self.tickets[ticket.id] = ticket
            byCode[try row.decode("code")] = ticket.id
        }
        for row in elsewhere { self.elsewhere.insert(try row.decode("code")) }
        for row in scans {
            note(
                Known(
                    admission: try CheckInStore.admission(row), ticket: try row.decode("ticket_id"),
                    registration: try row.decode("registration_id"), result: try row.decode("result"), letIn: true,
                    user: try row.decode("by_user_id"), undoneAt: try row.decode("undone_at"),
                    codeHash: try row.decode("code_hash")))
        }
        for row in checkIns { counted[try row.decode("registration_id")] = try row.decode("id") }
    }

    private mutating func note(_ scan: Known) {
        if scan.admission.scanID != nil { byName[Name(scan.admission.device, scan.admission.scanID)] = scan }
        guard scan.result == .admitted, let registration = scan.registration else { return }
        if let undone = scan.undoneAt {
            undoneAt[registration] = max(undoneAt[registration] ?? undone, undone)
        } else {
            admitted[registration, default: []].append(scan)
        }
    }

    /// Judges the new scans, and returns the results. Sent twice, a scan counts once.
    mutating func add(_ scans: [OfflineScan]) throws -> [Known] {
        var fresh: [Known] = []
        for scan in scans {
            let known = judge(scan)
            if let told = byName[Name(scan.scan.device, scan.scan.scanID)] {
                guard
                    CheckInStore.isTwin(
                        ticket: told.ticket, told.codeHash, ticket: known.ticket, known.codeHash)
                else { throw CheckInStore.scanIDReused }
                continue
            }
            note(known)
            fresh.append(known)
        }
        admissions = admitted.mapValues { Admissions($0.map(\.admission)) }
        return fresh
    }

    private func judge(_ offline: OfflineScan) -> Known {
        let scan = offline.scan
        var known = Known(
            admission: Admission(
                id: CheckInID(), at: scan.at, gate: scan.gate, device: scan.device, scanID: scan.scanID),
            ticket: nil, registration: nil, result: .unknown, letIn: offline.letIn, user: user, undoneAt: nil,
            codeHash: scan.codeHash)
        switch offline.presented {
        case .refused(let result): known.result = result
        case .ticket(let id): judge(&known, tickets[id])
        case .code(let code):
            if elsewhere.contains(code) { known.result = .wrongEvent }
            judge(&known, byCode[code].flatMap { tickets[$0] })
        }
        return known
    }

    private func judge(_ known: inout Known, _ ticket: Ticket?) {
        guard let ticket else { return }
        known.ticket = ticket.id
        known.registration = ticket.registration
        known.result = ticket.facts.judge(scanAt: known.admission.at, letIn: known.letIn)
        // Undone before this scan arrived: earlier admissions stay undone.
        if known.result == .admitted, let undone = undoneAt[ticket.registration], known.admission.at <= undone {
            known.undoneAt = undone
        }
    }

    // MARK: Consequences

    /// The statements that make the first admission of each registration the one that counts, and the messages about
    /// it.
    func consequences(of fresh: [Known], now: Date) throws -> (writes: [SQL], news: [OutboxEntry]) {
        let touched = Set(fresh.filter { $0.result == .admitted && $0.undoneAt == nil }.compactMap(\.registration))
        var moved: [(scan: Known, ticket: Ticket)] = []
        var news: [OutboxEntry] = []
        for registration in touched.sorted() {
            guard let first = admissions[registration]?.first, counted[registration] != first.id,
                let scan = admitted[registration]?.first(where: { $0.admission.id == first.id }),
                let ticket = scan.ticket.flatMap({ tickets[$0] })
            else { continue }
            moved.append((scan, ticket))
            let data = TicketData(
                eventId: event, ticketId: ticket.id, registrationId: registration, userId: ticket.user,
                checkInId: first.id, gate: first.gate, at: min(first.at, now))
            news.append(
                counted[registration] == nil
                    ? try .fact(.ticketCheckedIn, event: event, owner: ticket.owner, data)
                    : try .live(.checkInsChanged, event: event, data))
        }
        return (moved.isEmpty ? [] : [counting(moved, now: now)], news)
    }

    /// A clock that is ahead determines the order, but no one is admitted in the future.
    private func counting(_ moved: [(scan: Known, ticket: Ticket)], now: Date) -> SQL {
        let admissions = moved.map(\.scan.admission)
        return """
            INSERT INTO check_ins (id, ticket_id, event_id, registration_id, at, gate, device, scan_id, by_user_id)
            SELECT id, ticket_id, \(event), registration_id, at, gate, device, scan_id, by_user_id
            FROM unnest(
                \(admissions.map(\.id))::uuid[], \(moved.map(\.ticket.id))::uuid[],
                \(moved.map(\.ticket.registration))::uuid[], \(admissions.map { min($0.at, now) })::timestamptz[],
                \(admissions.map(\.gate))::text[], \(admissions.map(\.device))::text[],
                \(admissions.map(\.scanID))::text[], \(moved.map(\.scan.user))::uuid[])
                AS first (id, ticket_id, registration_id, at, gate, device, scan_id, by_user_id)
            ON CONFLICT (registration_id) DO UPDATE SET
                id = excluded.id, ticket_id = excluded.ticket_id, at = excluded.at, gate = excluded.gate,
                device = excluded.device, scan_id = excluded.scan_id, by_user_id = excluded.by_user_id
            """
    }

    /// The result of a scan, given all the others.
    func outcome(of scan: Scan) -> CheckInOutcome {
        guard let known = byName[Name(scan.device, scan.scanID)] else { return CheckInOutcome(result: .unknown) }
        var outcome = CheckInOutcome(result: known.result)
        outcome.ticketID = known.ticket
        outcome.registrationID = known.registration
        outcome.attendeeName = known.ticket.flatMap { tickets[$0] }?.holderName
        guard known.result == .admitted || known.result == .duplicate, let registration = known.registration else {
            return outcome
        }
        let all = admissions[registration]
        let isCounted = all?.first?.id == known.admission.id || known.undoneAt != nil
        if known.result == .admitted, isCounted {
            outcome.checkInID = known.admission.id
            outcome.at = known.admission.at
        } else {
            outcome.result = .duplicate
            outcome.checkInID = all?.first?.id
            outcome.firstScan = all?.first.map(CheckInOutcome.OtherScan.init)
        }
        if known.result == .admitted, known.undoneAt == nil {
            outcome.conflict = all?.conflict(with: known.admission.id).map(CheckInOutcome.OtherScan.init)
        }
        return outcome
    }
}
