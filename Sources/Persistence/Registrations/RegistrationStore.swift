public import Domain
public import FoundationEssentials
public import Postgres

/// A request to register for an event, or to cancel a registration.
public struct RegistrationRequest: Sendable {
    public enum Kind: Sendable, Hashable {
        case register(UserID)
        case cancel(reason: String?)
    }

    public var kind: Kind
    public var eventID: EventID
    /// The registration to cancel or to create. A new one's id is chosen in advance: an attempt repeated because its
    /// commit result was lost finds what the earlier one created.
    public var registrationID: RegistrationID
    /// The organizer who adds or removes someone else; audited.
    public var organizer: UserID?
    public var trace: TraceContext?
    /// The client's Idempotency-Key; the response is stored with the effect.
    public var idempotency: Idempotency?

    public struct Idempotency: Sendable {
        public var request: IdempotentRequest
        /// Makes the response to store, inside the transaction.
        public var respond: @Sendable (Registration) throws -> StoredResponse

        public init(
            _ request: IdempotentRequest, respond: @escaping @Sendable (Registration) throws -> StoredResponse
        ) {
            self.request = request
            self.respond = respond
        }
    }

    public static func register(
        _ user: UserID, for event: EventID, by organizer: UserID? = nil, idempotency: Idempotency? = nil
    ) -> RegistrationRequest {
        RegistrationRequest(
            kind: .register(user), eventID: event, registrationID: RegistrationID(), organizer: organizer,
            trace: .current, idempotency: idempotency)
    }

    /// - Parameter event: the registration's event, which never changes.
    public static func cancel(
        _ registration: RegistrationID, of event: EventID, by organizer: UserID? = nil, reason: String? = nil
    ) -> RegistrationRequest {
        RegistrationRequest(
            kind: .cancel(reason: reason), eventID: event, registrationID: registration, organizer: organizer,
            trace: .current)
    }

    // Not inlined: Swift 6.3.1's optimizer fails on it in release builds ("CopyPropagation", an ownership error).
    @inline(never)
    var user: UserID? {
        if case .register(let user) = kind { user } else { nil }
    }

    var isCancellation: Bool { user == nil }
}

/// The outcome of one request. A refused request changes nothing for the others of its batch.
public enum RegistrationResult: Sendable {
    /// Performed, with the registration as the transaction leaves it; with its ticket only if it was canceled.
    case done(Registration, ticket: Ticket?)
    /// Performed by an earlier request with the same Idempotency-Key, whose response this is.
    case replayed(Answered)
    case refused(DomainError)
    /// The event's capacity row was locked by someone else: nothing was done; retry, waiting for the lock.
    case busy
}

/// An event's capacity as the last transaction left it. The next one can rely on it instead of reading it again, and
/// fails if it has changed since.
public struct ExpectedCapacity: Sendable {
    var capacity: EventCapacity
    /// The version of the event's own row, which decides whether registration is open.
    var version: Int

    public var eventID: EventID { capacity.eventID }

    /// Without the front of the waitlist, which is read each time.
    init(_ capacity: EventCapacity, version: Int) {
        self.capacity = capacity
        self.capacity.setWaitlistFront([])
        self.version = version
    }
}

/// The results of a committed batch in the order of its requests, and the capacities as it left them.
public struct CommittedBatch: Sendable {
    public var results: [RegistrationResult]
    public var capacities: [ExpectedCapacity]
}

/// Registrations in the database, and every transaction that takes or frees a spot. Called by the batcher of
/// api-service.
///
/// Each method that writes holds the lock of the events' capacity rows until its transaction ends; the rule is
/// ``EventCapacity``'s. Registrations, counters, messages and stored responses are committed together or not at all.
public struct RegistrationStore: Sendable {
    let database: Database
    let guards: CapacityRow.Guards

    public init(_ database: Database) { self.init(database, guards: .all) }

    init(_ database: Database, guards: CapacityRow.Guards) {
        self.database = database
        self.guards = guards
    }

    // MARK: Batches

    /// Performs or refuses each request, in order within an event, in this one transaction, and commits it: two round
    /// trips, one more if the waitlist moves, one more for cancellations.
    ///
    /// A request that was performed before (its registration exists, or is already cancelled) gets the same result.
    /// - Parameters:
    ///   - waitsForLocks: whether to wait for events that are locked by someone else; otherwise their results are
    ///     `.busy`.
    ///   - clock: read once the rows are locked.
    ///   - onLocked: called with the events whose rows are locked: whoever locks them from then on comes later.
    /// - Throws: what PostgreSQL reports, and ``CapacityChanged``; then nothing is committed.
    public func commit(
        _ requests: [RegistrationRequest], waitsForLocks: Bool = true, clock: () -> Date,
        onLocked: (Set<EventID>) -> Void = { _ in }, on transaction: Transaction
    ) async throws -> CommittedBatch {
        let events = Array(Set(requests.map(\.eventID)))
        let keys = requests.compactMap { $0.idempotency?.request.key }
        let read = try await transaction.pipeline(
            [
                CapacityRow.lock(events, onContention: waitsForLocks ? .wait : .skip, guards: guards),
                CapacityRow.read(events), Self.existing(requests),
            ] + (keys.isEmpty ? [] : [IdempotencyStore.lookup(keys)]) + checkedIn(requests))
        var journal = IdempotencyJournal(keys.isEmpty ? [:] : try IdempotencyStore.answers(read[3]))
        let now = clock()
        let locked = Set(try read[0].map { try $0.decode("event_id", as: EventID.self) })
        onLocked(locked)
        let capacities = try read[1].map(CapacityRow.capacity)
        let busy = Set(capacities.map(\.eventID)).subtracting(locked)
        let known = Dictionary(grouping: try read[2].map(Self.registration), by: \.eventID)
        let checkIns = requests.contains(where: \.isCancellation) ? try Self.checkIns(read[read.count - 1]) : [:]
        let opened = capacities.filter { locked.contains($0.eventID) }.map { capacity in
            (
                capacity.eventID,
                RegistrationBatch(capacity, known: known[capacity.eventID] ?? [], checkIns: checkIns, now: now)
            )
        }
        var batches = try await promote(
            Dictionary(uniqueKeysWithValues: opened), before: requests, now: now, on: transaction)
        let performed = try Self.perform(requests, busy: busy, &batches, &journal)
        let results = try await complete(performed, on: transaction)
        let tickets = try await write(Array(batches.values), requests, journal, commits: true, on: transaction)
        let versions = Dictionary(
            uniqueKeysWithValues: try read[1].map {
                (try $0.decode("id", as: EventID.self), try $0.decode("version", as: Int.self))
            })
        return CommittedBatch(
            results: results.map { result in
                guard case .done(let registration, _) = result else { return result }
                return .done(registration, ticket: tickets[registration.id])
            },
            capacities: batches.values.compactMap { batch in
                versions[batch.capacity.eventID].map { ExpectedCapacity(batch.capacity, version: $0) }
            })
    }

    /// Performs requests to register for one event without reading its capacity first: a single round trip, which has
    /// no effect at all unless the capacity is as expected.
    ///
    /// - Returns: nil, with nothing done, when the capacity has to be read: for a cancellation, a refusal, or a
    ///   waitlist that could move.
    /// - Throws: ``CapacityChanged`` when the capacity is not as expected; and what PostgreSQL reports: 55P03 when it
    ///   is locked by someone else, a violated constraint when a person is already registered. In all these cases, read
    ///   it.
    public func commit(
        _ requests: [RegistrationRequest], expecting expected: ExpectedCapacity, now: Date
    ) async throws -> CommittedBatch? {
        let event = expected.eventID
        guard requests.allSatisfy({ !$0.isCancellation && $0.organizer == nil && $0.eventID == event }),
            expected.capacity.promotable(withCancellations: 0, at: now) == 0
        else { return nil }
        var journal = IdempotencyJournal([:])
        var batches = [event: RegistrationBatch(expected.capacity, known: [], now: now)]
        let results = try Self.perform(requests, busy: [], &batches, &journal)
        // A refusal can have a better reason than the capacity shows: the person may already be registered.
        guard let batch = batches[event], results.allSatisfy(\.isDone) else { return nil }
        let statements: [SQL] =
            [
                CapacityRow.lock([event], onContention: .fail, guards: guards),
                CapacityRow.update(from: batch.before, to: batch.capacity, version: expected.version, guards: guards),
            ] + Self.additions([batch]) + journal.insertions + OutboxStore.insertions(batch.entries)
        do throws(PostgresError) {
            _ = try await database.execute(statements)
        } catch {
            if error.sqlState == CapacityChanged.sqlState { throw CapacityChanged() }
            throw error
        }
        return CommittedBatch(
            results: results, capacities: [ExpectedCapacity(batch.capacity, version: expected.version)])
    }

    /// Locks an event's capacity row until the transaction ends: for callers that change both it and the event's own
    /// row, which is always locked after it.
    public func lockPlaces(of event: EventID, on transaction: Transaction) async throws {
        _ = try await transaction.query(CapacityRow.lock([event], onContention: .wait, guards: guards))
    }

    /// Reads the front of each waitlist as far as it can move, and promotes from it into spots that are already free.
    private func promote(
        _ batches: [EventID: RegistrationBatch], before requests: [RegistrationRequest], now: Date,
        on transaction: Transaction
    ) async throws -> [EventID: RegistrationBatch] {
        var cancellations: [EventID: Int] = [:]
        for request in requests where request.isCancellation { cancellations[request.eventID, default: 0] += 1 }
        let needed = batches.map { event, batch in
            (event: event, count: batch.capacity.promotable(withCancellations: cancellations[event] ?? 0, at: now))
        }
        let fronts = try await CapacityRow.waitlistFronts(needed.filter { $0.count > 0 }, on: transaction)
        var promoted = batches
        for (event, front) in fronts { try promoted[event]?.promote(from: front) }
        return promoted
    }

    /// Performs the requests in order, in memory, and keeps the responses to those with an Idempotency-Key.
    private static func perform(
        _ requests: [RegistrationRequest], busy: Set<EventID>, _ batches: inout [EventID: RegistrationBatch],
        _ journal: inout IdempotencyJournal
    ) throws -> [RegistrationResult] {
        var results: [RegistrationResult] = []
        for request in requests {
            results.append(
                busy.contains(request.eventID)
                    ? .busy : try journal.result(of: request) ?? perform(request, &batches[request.eventID]))
        }
        results = zip(requests, results).map { request, result in settled(result, batches[request.eventID]) }
        try journal.keep(requests, results)
        return results
    }

    private static func perform(
        _ request: RegistrationRequest, _ batch: inout RegistrationBatch?
    ) throws -> RegistrationResult {
        do {
            guard batch != nil else { throw DomainError.notFound }
            try TraceContext.$current.withValue(request.trace) { try batch?.perform(request) }
            guard let registration = batch?.registration(request.registrationID) else { throw DomainError.notFound }
            return .done(registration, ticket: nil)
        } catch let refusal as DomainError {
            return .refused(refusal)
        }
    }

    /// The registration as the whole batch leaves it: a waitlisted one may have been promoted since.
    private static func settled(_ result: RegistrationResult, _ batch: RegistrationBatch?) -> RegistrationResult {
        guard case .done(let registration, let ticket) = result else { return result }
        return .done(batch?.registration(registration.id) ?? registration, ticket: ticket)
    }

    /// Adds what only the database knows: the position of a registration that was waitlisted before.
    private func complete(
        _ results: [RegistrationResult], on transaction: Transaction
    ) async throws -> [RegistrationResult] {
        var completed: [RegistrationResult] = []
        for result in results {
            guard case .done(var registration, _) = result else {
                completed.append(result)
                continue
            }
            if registration.status == .waitlisted, registration.position == nil {
                registration = try await find(registration.id, on: transaction)?.registration ?? registration
            }
            completed.append(.done(registration, ticket: nil))
        }
        return completed
    }

    // MARK: Reading

    /// The registrations that requests refer to: their own, and the existing ones of people who register.
    private static func existing(_ requests: [RegistrationRequest]) -> SQL {
        let registering = requests.filter { !$0.isCancellation }
        let columns: SQL = """
            r.id, r.event_id, r.user_id, \(fragment: shownStatus), r.created_at, r.confirmed_at,
                \(fragment: shownCancellation), r.cancellation_reason, NULL::bigint AS position
            """
        return """
            SELECT \(fragment: columns) FROM registrations r JOIN events e ON e.id = r.event_id
            WHERE r.id = ANY(\(requests.map(\.registrationID)))
            UNION
            SELECT \(fragment: columns)
            FROM unnest(\(registering.map(\.eventID))::uuid[], \(registering.compactMap(\.user))::uuid[])
                AS wanted (event_id, user_id)
            JOIN registrations r
                ON r.event_id = wanted.event_id AND r.user_id = wanted.user_id AND r.status <> 'cancelled'
            JOIN events e ON e.id = r.event_id
            """
    }

    /// The check-ins of registrations to be canceled. Their tickets are locked first: a scan in flight is waited for,
    /// and a later one finds the ticket revoked.
    private func checkedIn(_ requests: [RegistrationRequest]) -> [SQL] {
        let cancelled = requests.filter(\.isCancellation).map(\.registrationID)
        guard !cancelled.isEmpty else { return [] }
        return [
            guards.contains(.tickets)
                ? """
                SELECT count(*) FROM (
                    SELECT 1 FROM tickets WHERE registration_id = ANY(\(cancelled)) AND status = 'valid'
                    ORDER BY id FOR NO KEY UPDATE
                ) held
                """ : "SELECT 0 AS count",
            "SELECT id, registration_id, ticket_id, gate, at FROM check_ins WHERE registration_id = ANY(\(cancelled))",
        ]
    }

    private static func checkIns(_ rows: QueryResult) throws -> [RegistrationID: RegistrationBatch.CheckIn] {
        var checkIns: [RegistrationID: RegistrationBatch.CheckIn] = [:]
        for row in rows {
            checkIns[try row.decode("registration_id")] = RegistrationBatch.CheckIn(
                id: try row.decode("id"), ticketID: try row.decode("ticket_id"), gate: try row.decode("gate"),
                at: try row.decode("at"))
        }
        return checkIns
    }

    /// The status of a registration `r` for an event `e`: once an event is canceled, no one is confirmed or waitlisted. The
    /// row keeps what it was, for the emails about it.
    static let shownStatus: SQL = "CASE WHEN e.status = 'cancelled' THEN 'cancelled' ELSE r.status END AS status"

    /// When it ended: by itself, or with its event.
    static let shownCancellation: SQL = "coalesce(r.cancelled_at, e.cancelled_at) AS cancelled_at"

    /// The waitlist position of a registration `r` for an event `e`, counted at the moment of reading.
    static let waitlistPosition: SQL = """
        CASE WHEN r.status = 'waitlisted' AND e.status <> 'cancelled' THEN (
            SELECT count(*) FROM registrations w
            WHERE w.event_id = r.event_id AND w.status = 'waitlisted' AND w.line_number <= r.line_number
        ) END
        """

    static func registration(_ row: Row) throws -> Registration {
        Registration(
            id: try row.decode("id"), eventID: try row.decode("event_id"), userID: try row.decode("user_id"),
            status: try row.decode("status"), position: try row.decode("position"),
            createdAt: try row.decode("created_at"), confirmedAt: try row.decode("confirmed_at"),
            cancelledAt: try row.decode("cancelled_at"),
            cancellationReason: try row.decode("cancellation_reason"))
    }
}

extension RegistrationResult {
    fileprivate var isDone: Bool {
        if case .done = self { true } else { false }
    }
}
