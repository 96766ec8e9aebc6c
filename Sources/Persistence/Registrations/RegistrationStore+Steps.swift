public import Domain
public import FoundationEssentials
public import Postgres

/// What concerns everybody at an event: decided in one short transaction, and done by ``PendingStepStore``.
extension RegistrationStore {
    // MARK: Capacity

    /// Sets how many places there are to be. Whoever may move up does, as many as fit into this transaction; the capacity rises
    /// with them, and for the rest of the line what is to be reached is a target.
    /// - Parameter limit: how many people move up in this transaction at most.
    /// - Throws: ``DomainError/capacityBelowConfirmed(confirmed:)``, ``DomainError/notFound``.
    public func setCapacity(
        _ capacity: Int, of event: EventID, limit: Int = PendingStepStore.Size().rows, now: Date,
        on transaction: Transaction
    ) async throws {
        guard let door = try await Doors.open(event, guards: guards, on: transaction) else {
            throw DomainError.notFound
        }
        var visit = Visit(door, known: [], now: now)
        try visit.setCapacity(capacity)
        let number = visit.door.capacityTarget == nil ? 0 : limit
        try visit.raise(for: try await transaction.query(Doors.front(of: event, number)).map(Doors.waiting))
        let rest = visit.door.capacityTarget.map { _ in PendingStepStore.insertion(.eventCapacity, of: event.uuid) }
        _ = try await transaction.pipeline(moves(visit) + (rest.map { [$0] } ?? []))
    }

    /// The next step to the capacity's target: promotes the first in line, and raises the capacity by them. Two round trips,
    /// since everybody who registers waits for it.
    func raiseCapacity(
        of event: EventID, limit: Int, now: Date, on transaction: Transaction
    ) async throws -> PendingStepStore.Step {
        let results = try await transaction.pipeline([
            Doors.locking([event], busy: .wait, guards: guards), Doors.reading([event]),
            Doors.front(of: event, limit),
        ])
        let locked = ContinuousClock.now
        guard let door = try results[1].first.map(Doors.door) else { return .init(isLast: true) }
        var visit = Visit(door, known: [], now: now)
        try visit.raise(for: try results[2].map(Doors.waiting))
        return .init(isLast: visit.door.capacityTarget == nil, since: locked, statements: moves(visit))
    }

    // MARK: Calling off

    /// Calls an event off: nobody registers any more, no ticket is good, and every registration reads as cancelled from this
    /// transaction's commit on, because whoever reads one looks at the event's status. The tickets' rows follow.
    /// - Returns: the event's new version, or nil when it was cancelled before.
    public func cancelEvent(_ event: EventID, now: Date, on transaction: Transaction) async throws -> Int? {
        guard let door = try await Doors.open(event, guards: guards, on: transaction) else {
            throw DomainError.notFound
        }
        let cancelled = try await transaction.query(
            """
            UPDATE events SET status = 'cancelled', cancelled_at = \(now), updated_at = \(now), version = version + 1
            WHERE id = \(event) AND status <> 'cancelled' RETURNING version
            """)
        guard let row = cancelled.first else { return nil }
        let active = door.places.confirmed + door.places.waitlisted
        let none = Places(
            revision: door.places.revision + 1, confirmed: 0, waitlisted: 0,
            capacity: door.capacityTarget ?? door.places.capacity)
        var statements: [SQL] = [
            // The counters stay those of the rows, for the invariants; nobody is shown them any more.
            """
            UPDATE event_places SET revision = \(none.revision), capacity = \(none.capacity), capacity_target = NULL
            WHERE event_id = \(event)
            """
        ]
        if active > 0 {
            statements.append(PendingStepStore.insertion(.eventCancellation, of: event.uuid, total: active))
            statements += OutboxStore.insertions([
                try .live(.placesChanged, event: event, PlacesData(eventId: event, places: none))
            ])
        }
        _ = try await transaction.pipeline(statements)
        return try row.decode("version")
    }

    /// Revokes the tickets of the next registrations for an event that was called off.
    ///
    /// No registration is added any more, so that the cursor passes each of them. Whoever issues a ticket holds the
    /// registration's row and looked at the event's status behind that lock: once the rows are locked here, every ticket
    /// made so far is seen, and none is made any more.
    func revokeTickets(
        ofCancelled event: EventID, after cursor: PageKey?, limit: Int, on transaction: Transaction
    ) async throws -> PendingStepStore.Step {
        let follows: SQL = cursor.map { "AND (r.created_at, r.id) > (\($0.at), \($0.id))" } ?? ""
        let rows = try await transaction.query(
            """
            SELECT r.id, r.created_at, r.status, e.cancelled_at FROM registrations r JOIN events e ON e.id = r.event_id
            WHERE r.event_id = \(event) \(fragment: follows)
            ORDER BY r.created_at, r.id LIMIT \(limit)
            """)
        guard let last = rows.last else { return .init(isLast: true) }
        let active = try rows.filter { try $0.decode("status", as: RegistrationStatus.self) != .cancelled }
            .map { try $0.decode("id", as: RegistrationID.self) }
        // Each in the order of everyone who locks several: waiting for each other is no deadlock.
        let statements: [SQL] = [
            guards.contains(.holders)
                ? """
                SELECT count(*) FROM (
                    SELECT 1 FROM registrations WHERE id = ANY(\(active)) ORDER BY id FOR SHARE
                ) held
                """ : "SELECT 0 AS count",
            """
            SELECT count(*) FROM (
                SELECT 1 FROM tickets WHERE registration_id = ANY(\(active)) AND status = 'valid'
                ORDER BY id FOR NO KEY UPDATE
            ) held
            """,
            """
            UPDATE tickets SET status = 'revoked', revoked_at = \(try last.decode("cancelled_at", as: Date.self))
            WHERE registration_id = ANY(\(active)) AND status = 'valid'
            """,
        ]
        let key = PageKey(at: try last.decode("created_at"), id: try last.decode("id"))
        return .init(isLast: rows.count < limit, done: active.count, cursor: key, statements: statements)
    }
}
