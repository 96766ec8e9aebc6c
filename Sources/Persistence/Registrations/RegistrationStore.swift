public import Domain
public import FoundationEssentials
public import Postgres

/// Registrations, and every path that takes or gives a place. Each method that writes is one step of one transaction
/// and holds the places' rows until that transaction ends.
public struct RegistrationStore: Sendable {
    let database: Database
    let guards: Doors.Guards

    public init(_ database: Database) { self.init(database, guards: .all) }

    init(_ database: Database, guards: Doors.Guards) {
        self.database = database
        self.guards = guards
    }

    /// Fulfils or refuses each wish, in their order within an event, all in this one transaction, and commits it: two
    /// round trips, one more when a line moves, one more when somebody leaves.
    ///
    /// A wish done before (its registration exists, or is cancelled already) is answered with what it came to.
    /// - Parameters:
    ///   - isPatient: whether to wait for events that somebody else has locked; else their wishes come back `.busy`.
    ///   - clock: asked once the rows are locked.
    ///   - onLocked: told which events' rows are locked: whoever asks for them from here on comes after these wishes.
    /// - Throws: what PostgreSQL says, and ``PlacesMoved``; then nothing of all this is committed.
    public func admit(
        _ wishes: [PlaceWish], isPatient: Bool = true, clock: () -> Date,
        onLocked: (Set<EventID>) -> Void = { _ in }, on transaction: Transaction
    ) async throws -> PlaceAnswers {
        let events = Array(Set(wishes.map(\.eventID)))
        let keys = wishes.compactMap { $0.idempotency?.request.key }
        let results = try await transaction.pipeline(
            [
                Doors.locking(events, busy: isPatient ? .wait : .skip, guards: guards), Doors.reading(events),
                Self.inQuestion(wishes),
            ] + (keys.isEmpty ? [] : [IdempotencyStore.lookup(keys)]) + checkedIn(wishes))
        var journal = IdempotencyJournal(keys.isEmpty ? [:] : try IdempotencyStore.answers(results[3]))
        let now = clock()
        let locked = Set(try results[0].map { try $0.decode("event_id", as: EventID.self) })
        onLocked(locked)
        let doors = try results[1].map(Doors.door)
        let busy = Set(doors.map(\.eventID)).subtracting(locked)
        let known = Dictionary(grouping: try results[2].map(Self.registration), by: \.eventID)
        let checkIns = wishes.contains(where: \.isLeaving) ? try Self.checkIns(results[results.count - 1]) : [:]
        let visits = doors.filter { locked.contains($0.eventID) }.map { door in
            Visit(door, known: known[door.eventID] ?? [], checkIns: checkIns, now: now)
        }
        var open = try await moveUp(
            Dictionary(uniqueKeysWithValues: visits.map { ($0.door.eventID, $0) }), leaving: wishes, now: now,
            on: transaction)
        let decided = try Self.decide(wishes, busy: busy, &open, &journal)
        let answers = try await complete(decided, on: transaction)
        let tickets = try await write(Array(open.values), wishes, journal, commits: true, on: transaction)
        let versions = Dictionary(
            uniqueKeysWithValues: try results[1].map {
                (try $0.decode("id", as: EventID.self), try $0.decode("version", as: Int.self))
            })
        return PlaceAnswers(
            answers: answers.map { answer in
                guard case .done(let registration, _) = answer else { return answer }
                return .done(registration, ticket: tickets[registration.id])
            },
            doors: open.values.compactMap { visit in
                versions[visit.door.eventID].map { Self.left(visit.door, version: $0) }
            })
    }

    /// Holds the places of an event until the transaction ends: for whoever changes both them and the event's own row,
    /// which is always locked after them.
    public func lockPlaces(of event: EventID, on transaction: Transaction) async throws {
        _ = try await transaction.query(Doors.locking([event], busy: .wait, guards: guards))
    }

    // MARK: Steps of a visit

    /// Reads the front of each line as far as it can move, and lets it move up into places that are free already.
    private func moveUp(
        _ visits: [EventID: Visit], leaving wishes: [PlaceWish], now: Date, on transaction: Transaction
    ) async throws -> [EventID: Visit] {
        var leaving: [EventID: Int] = [:]
        for wish in wishes where wish.isLeaving { leaving[wish.eventID, default: 0] += 1 }
        let needed = visits.map { event, visit in
            (event: event, count: visit.door.frontNeeded(leaving: leaving[event] ?? 0, at: now))
        }
        let fronts = try await Doors.fronts(needed.filter { $0.count > 0 }, on: transaction)
        var moved = visits
        for (event, front) in fronts { try moved[event]?.moveUp(from: front) }
        return moved
    }

    /// Goes through the wishes in their order, and keeps the answers to those that have names.
    static func decide(
        _ wishes: [PlaceWish], busy: Set<EventID>, _ visits: inout [EventID: Visit],
        _ journal: inout IdempotencyJournal
    ) throws -> [PlaceAnswer] {
        var answers: [PlaceAnswer] = []
        for wish in wishes {
            answers.append(
                busy.contains(wish.eventID)
                    ? .busy : try journal.answer(to: wish) ?? answer(wish, &visits[wish.eventID]))
        }
        answers = zip(wishes, answers).map { wish, answer in settled(answer, visits[wish.eventID]) }
        try journal.keep(wishes, answers)
        return answers
    }

    private static func answer(_ wish: PlaceWish, _ visit: inout Visit?) throws -> PlaceAnswer {
        do {
            guard visit != nil else { throw DomainError.notFound }
            try TraceContext.$current.withValue(wish.trace) { try visit?.perform(wish) }
            guard let registration = visit?.registration(wish.registrationID) else { throw DomainError.notFound }
            return .done(registration, ticket: nil)
        } catch let refusal as DomainError {
            return .refused(refusal)
        }
    }

    /// The registration as the whole visit leaves it: somebody who joined the line may have moved up since.
    private static func settled(_ answer: PlaceAnswer, _ visit: Visit?) -> PlaceAnswer {
        guard case .done(let registration, let ticket) = answer else { return answer }
        return .done(visit?.registration(registration.id) ?? registration, ticket: ticket)
    }

    /// Adds what only the database knows: the place in line of a wish done before.
    private func complete(_ answers: [PlaceAnswer], on transaction: Transaction) async throws -> [PlaceAnswer] {
        var completed: [PlaceAnswer] = []
        for answer in answers {
            guard case .done(var registration, _) = answer else {
                completed.append(answer)
                continue
            }
            if registration.status == .waitlisted, registration.position == nil {
                registration = try await find(registration.id, on: transaction)?.registration ?? registration
            }
            completed.append(.done(registration, ticket: nil))
        }
        return completed
    }

    // MARK: Rows

    /// The registrations that wishes are about: their own, and what people who want a place hold already.
    private static func inQuestion(_ wishes: [PlaceWish]) -> SQL {
        let taking = wishes.filter { !$0.isLeaving }
        let columns: SQL = """
            r.id, r.event_id, r.user_id, \(fragment: shownStatus), r.created_at, r.confirmed_at,
                \(fragment: shownCancellation), r.cancellation_reason, NULL::bigint AS position
            """
        return """
            SELECT \(fragment: columns) FROM registrations r JOIN events e ON e.id = r.event_id
            WHERE r.id = ANY(\(wishes.map(\.registrationID)))
            UNION
            SELECT \(fragment: columns)
            FROM unnest(\(taking.map(\.eventID))::uuid[], \(taking.compactMap(\.user))::uuid[]) AS wanted (event_id, user_id)
            JOIN registrations r
                ON r.event_id = wanted.event_id AND r.user_id = wanted.user_id AND r.status <> 'cancelled'
            JOIN events e ON e.id = r.event_id
            """
    }

    /// Who of those that shall end was let in. Their tickets are held first: a scan under way is waited for, and one that
    /// comes later finds the ticket revoked.
    private func checkedIn(_ wishes: [PlaceWish]) -> [SQL] {
        let leaving = wishes.filter(\.isLeaving).map(\.registrationID)
        guard !leaving.isEmpty else { return [] }
        return [
            guards.contains(.tickets)
                ? """
                SELECT count(*) FROM (
                    SELECT 1 FROM tickets WHERE registration_id = ANY(\(leaving)) AND status = 'valid'
                    ORDER BY id FOR NO KEY UPDATE
                ) held
                """ : "SELECT 0 AS count",
            "SELECT id, registration_id, ticket_id, gate, at FROM check_ins WHERE registration_id = ANY(\(leaving))",
        ]
    }

    private static func checkIns(_ rows: QueryResult) throws -> [RegistrationID: Visit.CheckIn] {
        var checkIns: [RegistrationID: Visit.CheckIn] = [:]
        for row in rows {
            checkIns[try row.decode("registration_id")] = Visit.CheckIn(
                id: try row.decode("id"), ticketID: try row.decode("ticket_id"), gate: try row.decode("gate"),
                at: try row.decode("at"))
        }
        return checkIns
    }

    /// The status of a registration `r` for an event `e`: from the moment when an event is called off, nobody is confirmed
    /// and nobody waits. The row keeps what it was, for those who write to people about it.
    static let shownStatus: SQL = "CASE WHEN e.status = 'cancelled' THEN 'cancelled' ELSE r.status END AS status"

    /// When it ended: by itself, or with its event.
    static let shownCancellation: SQL = "coalesce(r.cancelled_at, e.cancelled_at) AS cancelled_at"

    /// The place in line of a registration `r` for an event `e`, counted at the moment of reading.
    static let positionInLine: SQL = """
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
