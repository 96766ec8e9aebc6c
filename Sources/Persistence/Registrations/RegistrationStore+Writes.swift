import Domain
import FoundationEssentials
import Postgres

extension RegistrationStore {
    /// Writes the results of the batches.
    /// - Parameter commits: whether this is the last write of the transaction: the commit is then pipelined.
    /// - Returns: the newest tickets of the canceled registrations.
    func write(
        _ batches: [RegistrationBatch], _ requests: [RegistrationRequest], _ journal: IdempotencyJournal, commits: Bool,
        on transaction: Transaction
    ) async throws -> [RegistrationID: Ticket] {
        do {
            return try await writing(batches, requests, journal, commits: commits, on: transaction)
        } catch let error as PostgresError where error.sqlState == CapacityChanged.sqlState {
            throw CapacityChanged()
        }
    }

    private func writing(
        _ batches: [RegistrationBatch], _ requests: [RegistrationRequest], _ journal: IdempotencyJournal, commits: Bool,
        on transaction: Transaction
    ) async throws -> [RegistrationID: Ticket] {
        func run(_ statements: [SQL], isLast: Bool) async throws -> [QueryResult] {
            commits && isLast
                ? try await transaction.commit(after: statements) : try await transaction.pipeline(statements)
        }
        let batches = batches.filter { !$0.isWithoutEffect }
        let cancelled = batches.flatMap(\.cancelled)
        let cancellations = requests.filter(\.isCancellation).map(\.registrationID)
        var rest = cancellations.isEmpty ? [] : [TicketStore.newest(of: cancellations)]
        if !batches.isEmpty {
            var statements = [CapacityRow.update(batches.map { ($0.before, $0.capacity) }, guards: guards)]
            // The order matters: a person can be promoted, cancel and register again in one batch, and has one active
            // registration at a time.
            statements += Self.promotions(batches) + Self.cancellations(cancelled) + Self.additions(batches)
            statements += try Self.undoneCheckIns(cancelled) + Self.audit(requests, batches) + journal.insertions
            // The messages of revoked tickets need their ids; without any, everything is sent at once.
            statements +=
                cancelled.isEmpty ? OutboxStore.insertions(batches.flatMap(\.entries)) : [Self.revocation(cancelled)]
            let results = try await run(statements, isLast: cancelled.isEmpty && rest.isEmpty)
            if !cancelled.isEmpty {
                let revoked = try revocations(results[statements.count - 1], batches, requests)
                rest = OutboxStore.insertions(batches.flatMap { $0.entries(revoking: revoked) }) + rest
            }
        }
        guard !rest.isEmpty else { return [:] }
        let results = try await run(rest, isLast: true)
        var tickets: [RegistrationID: Ticket] = [:]
        for row in cancellations.isEmpty ? [] : Array(results[rest.count - 1]) {
            guard let ticket = try TicketStore.ticket(row, prefixed: false) else { continue }
            tickets[ticket.registrationID] = ticket
        }
        return tickets
    }

    /// The statements for a batch that only promoted or changed the capacity.
    func promotions(_ batch: RegistrationBatch) -> [SQL] {
        batch.isWithoutEffect
            ? []
            : [CapacityRow.update([(batch.before, batch.capacity)], guards: guards)] + Self.promotions([batch])
                + OutboxStore.insertions(batch.entries)
    }

    private static func promotions(_ batches: [RegistrationBatch]) -> [SQL] {
        let promoted = batches.flatMap { batch in batch.promoted.map { (id: $0, at: batch.now) } }
        guard !promoted.isEmpty else { return [] }
        return [
            """
            UPDATE registrations r SET status = 'confirmed', confirmed_at = up.at
            FROM unnest(\(promoted.map(\.id))::uuid[], \(promoted.map(\.at))::timestamptz[]) AS up (id, at)
            WHERE r.id = up.id AND r.status = 'waitlisted'
            """
        ]
    }

    private static func cancellations(_ cancelled: [RegistrationBatch.Cancelled]) -> [SQL] {
        guard !cancelled.isEmpty else { return [] }
        return [
            """
            UPDATE registrations r SET
                status = 'cancelled', cancelled_at = gone.at, cancelled_by = gone.organizer,
                cancellation_reason = gone.reason
            FROM unnest(
                \(cancelled.map(\.registration.id))::uuid[], \(cancelled.map { $0.registration.cancelledAt })::timestamptz[],
                \(cancelled.map(\.organizer))::uuid[], \(cancelled.map { $0.registration.cancellationReason })::text[])
                AS gone (id, at, organizer, reason)
            WHERE r.id = gone.id AND r.status <> 'cancelled'
            """
        ]
    }

    /// Undoes the check-ins of people removed by an organizer.
    private static func undoneCheckIns(_ cancelled: [RegistrationBatch.Cancelled]) -> [SQL] {
        let undone = cancelled.filter(\.wasCheckedIn)
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

    static func additions(_ batches: [RegistrationBatch]) -> [SQL] {
        let added = batches.flatMap { $0.added.values }
        guard !added.isEmpty else { return [] }
        let rows = added.map(\.registration)
        return [
            """
            INSERT INTO registrations
                (id, event_id, user_id, status, line_number, created_at, confirmed_at, holder_name)
            SELECT new.*, coalesce((SELECT display_name FROM users u WHERE u.id = new.user_id), '') FROM unnest(
                \(rows.map(\.id))::uuid[], \(rows.map(\.eventID))::uuid[], \(rows.map(\.userID))::uuid[],
                \(rows.map(\.status))::text[], \(added.map(\.lineNumber))::bigint[],
                \(rows.map(\.createdAt))::timestamptz[], \(rows.map(\.confirmedAt))::timestamptz[])
                AS new (id, event_id, user_id, status, line_number, created_at, confirmed_at)
            """
        ]
    }

    private static func revocation(_ cancelled: [RegistrationBatch.Cancelled]) -> SQL {
        """
        UPDATE tickets SET status = 'revoked', revoked_at = now()
        WHERE registration_id = ANY(\(cancelled.map(\.registration.id))) AND status = 'valid'
        RETURNING id, registration_id, event_id, user_id
        """
    }

    /// The messages about revoked tickets, by their registrations.
    private func revocations(
        _ rows: QueryResult, _ batches: [RegistrationBatch], _ requests: [RegistrationRequest]
    ) throws -> [RegistrationID: OutboxEntry] {
        let owners = Dictionary(uniqueKeysWithValues: batches.map { ($0.capacity.eventID, $0.capacity.ownerID) })
        let traces = Dictionary(requests.map { ($0.registrationID, $0.trace) }, uniquingKeysWith: { first, _ in first })
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

    /// The audit entries of what organizers did to other people's registrations.
    private static func audit(_ requests: [RegistrationRequest], _ batches: [RegistrationBatch]) throws -> [SQL] {
        let organized = requests.filter { $0.organizer != nil }
        if organized.isEmpty { return [] }
        let made = batches.flatMap(\.added.values).map(\.registration)
        let ended = batches.flatMap(\.cancelled).map(\.registration)
        let changed = Dictionary((made + ended).map { ($0.id, $0) }, uniquingKeysWith: { _, last in last })
        let cancelled = Set(ended.map(\.id))
        return try organized.compactMap { request in
            guard let registration = changed[request.registrationID],
                request.isCancellation == cancelled.contains(request.registrationID)
            else { return nil }
            let had = registration.confirmedAt == nil ? RegistrationStatus.waitlisted : .confirmed
            let reason = registration.cancellationReason.map { ["reason": $0] } ?? [:]
            return try AuditStore.insertion(
                request.isCancellation ? "registration.removed" : "registration.added", by: request.organizer,
                subject: request.registrationID.uuid, event: request.eventID,
                AuditContent(
                    before: request.isCancellation ? ["status": had.rawValue] : [:],
                    after: ["status": registration.status.rawValue],
                    about: reason.merging(["userId": "\(registration.userID)"]) { one, _ in one }), trace: request.trace
            )
        }
    }
}

/// The stored responses to requests with an Idempotency-Key, while a transaction performs them.
struct IdempotencyJournal {
    private let stored: [IdempotentRequest.Key: IdempotencyStore.Stored]
    private var seen: Set<IdempotentRequest.Key> = []
    private var kept: [(request: IdempotentRequest, response: StoredResponse)] = []

    init(_ stored: [IdempotentRequest.Key: IdempotencyStore.Stored]) { self.stored = stored }

    var insertions: [SQL] { kept.isEmpty ? [] : [IdempotencyStore.insertion(kept)] }

    /// The result of a request that was performed before, or that is in flight elsewhere; nil for any other.
    mutating func result(of request: RegistrationRequest) throws -> RegistrationResult? {
        guard let request = request.idempotency?.request else { return nil }
        do throws(DomainError) {
            if let earlier = stored[request.key] { return .replayed(try earlier.replay(for: request)) }
        } catch {
            return .refused(error)
        }
        return seen.insert(request.key).inserted ? nil : .refused(.requestInFlight)
    }

    mutating func keep(_ requests: [RegistrationRequest], _ results: [RegistrationResult]) throws {
        for case (let request, .done(let registration, _)) in zip(requests, results) {
            guard let idempotency = request.idempotency else { continue }
            kept.append((idempotency.request, try idempotency.respond(registration)))
        }
    }
}
