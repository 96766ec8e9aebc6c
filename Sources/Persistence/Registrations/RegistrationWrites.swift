import Domain
import FoundationEssentials
import Postgres

extension RegistrationStore {
    /// Writes what the visits came to, and answers the tickets of those who leave.
    /// - Parameter commits: whether this is the last of the transaction: the commit then travels along.
    func write(
        _ visits: [Visit], _ wishes: [PlaceWish], _ journal: IdempotencyJournal, commits: Bool,
        on transaction: Transaction
    ) async throws -> [RegistrationID: Ticket] {
        do {
            return try await writing(visits, wishes, journal, commits: commits, on: transaction)
        } catch let error as PostgresError where error.sqlState == PlacesMoved.sqlState {
            throw PlacesMoved()
        }
    }

    private func writing(
        _ visits: [Visit], _ wishes: [PlaceWish], _ journal: IdempotencyJournal, commits: Bool,
        on transaction: Transaction
    ) async throws -> [RegistrationID: Ticket] {
        func run(_ statements: [SQL], isLast: Bool) async throws -> [QueryResult] {
            commits && isLast
                ? try await transaction.commit(after: statements) : try await transaction.pipeline(statements)
        }
        let visits = visits.filter { !$0.isWithoutEffect }
        let left = visits.flatMap(\.left)
        let leaving = wishes.filter(\.isLeaving).map(\.registrationID)
        var rest = leaving.isEmpty ? [] : [TicketStore.newest(of: leaving)]
        if !visits.isEmpty {
            var statements = [Doors.moving(visits.map { ($0.before, $0.door) }, guards: guards)]
            // Up, out, in: somebody may do all three at one visit, and has one active registration at a time.
            statements += Self.promotion(visits) + Self.departure(left) + Self.arrival(visits)
            statements += try Self.undoneCheckIns(left) + Self.audit(wishes, visits) + journal.insertions
            // What revoked tickets tell has to wait for who they are; otherwise everything goes at once.
            statements += left.isEmpty ? OutboxStore.insertions(visits.flatMap(\.entries)) : [Self.revocation(left)]
            let results = try await run(statements, isLast: left.isEmpty && rest.isEmpty)
            if !left.isEmpty {
                let revoked = try revocations(results[statements.count - 1], visits, wishes)
                rest = OutboxStore.insertions(visits.flatMap { $0.entries(revoking: revoked) }) + rest
            }
        }
        guard !rest.isEmpty else { return [:] }
        let results = try await run(rest, isLast: true)
        var tickets: [RegistrationID: Ticket] = [:]
        for row in leaving.isEmpty ? [] : Array(results[rest.count - 1]) {
            guard let ticket = try TicketStore.ticket(row, prefixed: false) else { continue }
            tickets[ticket.registrationID] = ticket
        }
        return tickets
    }

    /// What a visit comes to at which people moved up, and nothing else happened.
    func moves(_ visit: Visit) -> [SQL] {
        visit.isWithoutEffect
            ? []
            : [Doors.moving([(visit.before, visit.door)], guards: guards)] + Self.promotion([visit])
                + OutboxStore.insertions(visit.entries)
    }

    private static func promotion(_ visits: [Visit]) -> [SQL] {
        let promoted = visits.flatMap { visit in visit.promoted.map { (id: $0, at: visit.now) } }
        guard !promoted.isEmpty else { return [] }
        return [
            """
            UPDATE registrations r SET status = 'confirmed', confirmed_at = up.at
            FROM unnest(\(promoted.map(\.id))::uuid[], \(promoted.map(\.at))::timestamptz[]) AS up (id, at)
            WHERE r.id = up.id AND r.status = 'waitlisted'
            """
        ]
    }

    private static func departure(_ left: [Visit.Left]) -> [SQL] {
        guard !left.isEmpty else { return [] }
        return [
            """
            UPDATE registrations r SET
                status = 'cancelled', cancelled_at = gone.at, cancelled_by = gone.organizer,
                cancellation_reason = gone.reason
            FROM unnest(
                \(left.map(\.registration.id))::uuid[], \(left.map { $0.registration.cancelledAt })::timestamptz[],
                \(left.map(\.organizer))::uuid[], \(left.map { $0.registration.cancellationReason })::text[])
                AS gone (id, at, organizer, reason)
            WHERE r.id = gone.id AND r.status <> 'cancelled'
            """
        ]
    }

    /// Who is taken out by an organizer is inside no more.
    private static func undoneCheckIns(_ left: [Visit.Left]) -> [SQL] {
        let undone = left.filter(\.wasCheckedIn)
        guard !undone.isEmpty else { return [] }
        return [
            """
            UPDATE scans s SET undone_at = gone.at, undone_by = gone.organizer, undo_reason = gone.reason
            FROM unnest(
                \(undone.map(\.registration.id))::uuid[], \(undone.map { $0.registration.cancelledAt })::timestamptz[],
                \(undone.map(\.organizer))::uuid[], \(undone.map { $0.registration.cancellationReason })::text[])
                AS gone (id, at, organizer, reason)
            WHERE s.registration_id = gone.id AND s.result = 'admitted' AND s.undone_at IS NULL
            """,
            "DELETE FROM check_ins WHERE registration_id = ANY(\(undone.map(\.registration.id)))",
        ]
    }

    static func arrival(_ visits: [Visit]) -> [SQL] {
        let taken = visits.flatMap { $0.taken.values }
        guard !taken.isEmpty else { return [] }
        let rows = taken.map(\.registration)
        return [
            """
            INSERT INTO registrations
                (id, event_id, user_id, status, line_number, created_at, confirmed_at, holder_name)
            SELECT new.*, coalesce((SELECT display_name FROM users u WHERE u.id = new.user_id), '') FROM unnest(
                \(rows.map(\.id))::uuid[], \(rows.map(\.eventID))::uuid[], \(rows.map(\.userID))::uuid[],
                \(rows.map(\.status))::text[], \(taken.map(\.lineNumber))::bigint[],
                \(rows.map(\.createdAt))::timestamptz[], \(rows.map(\.confirmedAt))::timestamptz[])
                AS new (id, event_id, user_id, status, line_number, created_at, confirmed_at)
            """
        ]
    }

    private static func revocation(_ left: [Visit.Left]) -> SQL {
        """
        UPDATE tickets SET status = 'revoked', revoked_at = now()
        WHERE registration_id = ANY(\(left.map(\.registration.id))) AND status = 'valid'
        RETURNING id, registration_id, event_id, user_id
        """
    }

    /// What is to be told of revoked tickets, by their registrations.
    private func revocations(
        _ rows: QueryResult, _ visits: [Visit], _ wishes: [PlaceWish]
    ) throws -> [RegistrationID: OutboxEntry] {
        let owners = Dictionary(uniqueKeysWithValues: visits.map { ($0.door.eventID, $0.door.ownerID) })
        let traces = Dictionary(wishes.map { ($0.registrationID, $0.trace) }, uniquingKeysWith: { first, _ in first })
        var entries: [RegistrationID: OutboxEntry] = [:]
        for row in rows {
            let data = TicketData(
                eventId: try row.decode("event_id"), ticketId: try row.decode("id"),
                registrationId: try row.decode("registration_id"), userId: try row.decode("user_id"))
            guard let owner = owners[data.eventId] else { continue }
            entries[data.registrationId] = try TraceContext.$current.withValue(traces[data.registrationId] ?? nil) {
                try .fact(.ticketRevoked, event: data.eventId, owner: owner, data)
            }
        }
        return entries
    }

    /// What organizers did to other people's registrations.
    private static func audit(_ wishes: [PlaceWish], _ visits: [Visit]) throws -> [SQL] {
        let organized = wishes.filter { $0.organizer != nil }
        if organized.isEmpty { return [] }
        let made = visits.flatMap(\.taken.values).map(\.registration)
        let ended = visits.flatMap(\.left).map(\.registration)
        let changed = Dictionary((made + ended).map { ($0.id, $0) }, uniquingKeysWith: { _, last in last })
        let left = Set(ended.map(\.id))
        return try organized.compactMap { wish in
            guard let registration = changed[wish.registrationID], wish.isLeaving == left.contains(wish.registrationID)
            else { return nil }
            let had = registration.confirmedAt == nil ? RegistrationStatus.waitlisted : .confirmed
            let reason = registration.cancellationReason.map { ["reason": $0] } ?? [:]
            return try AuditStore.insertion(
                wish.isLeaving ? "registration.removed" : "registration.added", by: wish.organizer,
                subject: wish.registrationID.uuid, event: wish.eventID,
                AuditContent(
                    before: wish.isLeaving ? ["status": had.rawValue] : [:],
                    after: ["status": registration.status.rawValue],
                    about: reason.merging(["userId": "\(registration.userID)"]) { one, _ in one }), trace: wish.trace)
        }
    }
}

/// The answers to requests with names of their own, while a transaction goes through them.
struct IdempotencyJournal {
    private let stored: [IdempotentRequest.Key: IdempotencyStore.Stored]
    private var seen: Set<IdempotentRequest.Key> = []
    private var kept: [(request: IdempotentRequest, response: StoredResponse)] = []

    init(_ stored: [IdempotentRequest.Key: IdempotencyStore.Stored]) { self.stored = stored }

    var insertions: [SQL] { kept.isEmpty ? [] : [IdempotencyStore.insertion(kept)] }

    /// What is answered without looking at the door: a request that had its effect, or whose twin is being served.
    mutating func answer(to wish: PlaceWish) throws -> PlaceAnswer? {
        guard let request = wish.idempotency?.request else { return nil }
        do throws(DomainError) {
            if let earlier = stored[request.key] { return .replayed(try earlier.replay(for: request)) }
        } catch {
            return .refused(error)
        }
        return seen.insert(request.key).inserted ? nil : .refused(.requestInFlight)
    }

    mutating func keep(_ wishes: [PlaceWish], _ answers: [PlaceAnswer]) throws {
        for case (let wish, .done(let registration, _)) in zip(wishes, answers) {
            guard let idempotency = wish.idempotency else { continue }
            kept.append((idempotency.request, try idempotency.respond(registration)))
        }
    }
}
