public import Domain
public import FoundationEssentials
public import Postgres

/// Changes that affect every registration of an event: decided in one short transaction, and carried out by
/// ``PendingStepStore``.
extension RegistrationStore {
    // MARK: Capacity

    /// Changes the capacity. It rises with the promotions, as many as fit into this transaction; for the rest of the
    /// waitlist the new capacity is a target.
    /// - Parameter limit: the maximum number of promotions in this transaction.
    /// - Throws: ``DomainError/capacityBelowConfirmed(confirmed:)``, ``DomainError/notFound``.
    public func setCapacity(
        _ capacity: Int, of event: EventID, limit: Int = PendingStepStore.Size().rows, now: Date,
        on transaction: Transaction
    ) async throws {
        guard let current = try await CapacityRow.locked(event, guards: guards, on: transaction) else {
            throw DomainError.notFound
        }
        var batch = RegistrationBatch(current, known: [], now: now)
        try batch.setCapacity(capacity)
        let number = batch.capacity.capacityTarget == nil ? 0 : limit
        let front = try await transaction.query(CapacityRow.waitlistFront(of: event, number))
        try batch.raise(for: try front.map(CapacityRow.waitlistEntry))
        let rest = batch.capacity.capacityTarget.map { _ in PendingStepStore.insertion(.eventCapacity, of: event.uuid) }
        _ = try await transaction.pipeline(promotions(batch) + (rest.map { [$0] } ?? []))
    }

    /// Performs the next step to the capacity's target: promotes the front of the waitlist, and raises the capacity by
    /// that many. Two round trips, because everyone who registers waits for it.
    func raiseCapacity(
        of event: EventID, limit: Int, now: Date, on transaction: Transaction
    ) async throws -> PendingStepStore.Step {
        let results = try await transaction.pipeline([
            CapacityRow.lock([event], onContention: .wait, guards: guards), CapacityRow.read([event]),
            CapacityRow.waitlistFront(of: event, limit),
        ])
        let locked = ContinuousClock.now
        guard let capacity = try results[1].first.map(CapacityRow.capacity) else { return .init(isLast: true) }
        var batch = RegistrationBatch(capacity, known: [], now: now)
        try batch.raise(for: try results[2].map(CapacityRow.waitlistEntry))
        return .init(isLast: batch.capacity.capacityTarget == nil, since: locked, statements: promotions(batch))
    }

    // MARK: Canceling an event

    /// Cancels an event: once this transaction is committed no one can register, no ticket is valid, and every
    /// registration reads as cancelled, because reads check the event's status. The tickets' rows follow.
    /// - Returns: the event's new version, or nil if it was canceled before.
    public func cancelEvent(_ event: EventID, now: Date, on transaction: Transaction) async throws -> Int? {
        guard let capacity = try await CapacityRow.locked(event, guards: guards, on: transaction) else {
            throw DomainError.notFound
        }
        let cancelled = try await transaction.query(
            """
            UPDATE events SET status = 'cancelled', cancelled_at = \(now), updated_at = \(now), version = version + 1
            WHERE id = \(event) AND status <> 'cancelled' RETURNING version
            """)
        guard let row = cancelled.first else { return nil }
        let active = capacity.places.confirmed + capacity.places.waitlisted
        let none = Places(
            revision: capacity.places.revision + 1, confirmed: 0, waitlisted: 0,
            capacity: capacity.capacityTarget ?? capacity.places.capacity)
        var statements: [SQL] = [
            // The counters stay those of the rows, for the invariants; they are no longer shown to anyone.
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

    /// Revokes the tickets of the next registrations of a canceled event.
    ///
    /// No registration is added after the cancellation, so the cursor passes all of them. Whoever issues a ticket locks
    /// the registration's row and checks the event's status behind that lock: once the rows are locked here, every
    /// ticket issued so far is visible, and no more are issued.
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
        // Each in the order used by everyone who locks several, so that there is no deadlock.
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
