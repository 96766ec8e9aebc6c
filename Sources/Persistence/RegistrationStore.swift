public import Domain
public import FoundationEssentials
public import Postgres

/// Registrations, and every path that takes or gives a place. Each method that writes is one step of one transaction
/// and holds the places' row until that transaction ends.
public struct RegistrationStore: Sendable {
    let database: Database
    let guarding: PlacesDoor.Guard

    public init(_ database: Database) { self.init(database, guarding: .on) }

    init(_ database: Database, guarding: PlacesDoor.Guard) {
        self.database = database
        self.guarding = guarding
    }

    /// Takes a place, or a place in line when the event is full and keeps a line.
    /// - Parameter key: names the wish; whoever holds a place under the same key is answered with it once more.
    /// - Throws: ``DomainError``: notFound, what the window says, alreadyRegistered, full.
    public func register(
        _ user: UserID, for event: EventID, key: String? = nil, now: Date, on transaction: Transaction
    ) async throws -> Registration {
        let existing: SQL = """
            \(fragment: Self.selection)
            WHERE r.event_id = \(event) AND r.user_id = \(user) AND r.status <> 'cancelled'
            """
        let opened = try await PlacesDoor.open(event, guarding: guarding, also: [existing], on: transaction)
        guard let (opening, also) = opened, opening.window.status != .draft else { throw DomainError.notFound }
        var door = opening
        let held = also[0].first
        // Before everything that may have changed since the first answer: full, closed, over.
        if let held, let key, try held.decode("idempotency_key", as: String?.self) == key {
            return try Self.registration(held)
        }
        if let refusal = door.window.refusal(at: now) { throw refusal }
        guard held == nil else { throw DomainError.alreadyRegistered }

        var registration = Registration(
            id: RegistrationID(), eventID: event, userID: user, status: .confirmed, position: nil, createdAt: now,
            confirmedAt: now, cancelledAt: nil)
        let move: SQL
        var lineNumber: Int?
        if door.places.confirmed < door.places.capacity {
            move = door.moving(confirmed: 1, guarding: guarding)
        } else if door.waitlistEnabled {
            door.lastLineNumber += 1
            lineNumber = door.lastLineNumber
            move = door.moving(waitlisted: 1)
            registration.status = .waitlisted
            registration.confirmedAt = nil
            registration.position = door.places.waitlisted
        } else {
            throw DomainError.full
        }
        let message = try Self.message(
            registration.status == .confirmed ? .registrationConfirmed : .registrationWaitlisted, registration, door)
        let results = try await transaction.pipeline([
            """
            INSERT INTO registrations
                (id, event_id, user_id, status, line_number, created_at, confirmed_at, idempotency_key)
            VALUES (\(registration.id), \(event), \(user), \(registration.status), \(lineNumber), \(now),
                \(registration.confirmedAt), \(key))
            ON CONFLICT (event_id, user_id) WHERE status <> 'cancelled' DO NOTHING
            """,
            move, OutboxStore.insertion([message]),
        ])
        guard results[0].affectedRows == 1 else { throw DomainError.alreadyRegistered }
        guard results[1].affectedRows == 1 else { throw DomainError.full }
        return registration
    }

    /// Gives a place (or a place in line) back, revokes its ticket and lets the first in line move up.
    /// Cancelling twice changes nothing and answers the same.
    /// - Throws: ``DomainError/notFound``, ``DomainError/eventEnded``.
    public func cancel(
        _ id: RegistrationID, now: Date, on transaction: Transaction
    ) async throws -> Registration {
        // The event of a registration never changes, so it may be read before the lock.
        let owner = try await transaction.query("SELECT event_id FROM registrations WHERE id = \(id)").first
        guard let event = try owner?.decode("event_id", as: EventID.self),
            let (opening, also) = try await PlacesDoor.open(
                event, also: ["\(fragment: Self.selection) WHERE r.id = \(id)"], on: transaction),
            let row = also[0].first
        else { throw DomainError.notFound }
        var door = opening
        var registration = try Self.registration(row)
        if registration.status == .cancelled { return registration }
        if door.window.endsAt <= now { throw DomainError.eventEnded }

        let wasConfirmed = registration.status == .confirmed
        registration.status = .cancelled
        registration.position = nil
        registration.cancelledAt = now
        let move = wasConfirmed ? door.moving(confirmed: -1) : door.moving(waitlisted: -1)
        let results = try await transaction.pipeline([
            "UPDATE registrations SET status = 'cancelled', cancelled_at = \(now) WHERE id = \(id)",
            move,
            """
            UPDATE tickets SET status = 'revoked', revoked_at = \(now)
            WHERE registration_id = \(id) AND status = 'valid' RETURNING id
            """,
        ])
        var messages = [try Self.message(.registrationCancelled, registration, door)]
        for row in results[2] {
            let ticket = TicketData(
                eventId: event, ticketId: try row.decode("id"), registrationId: id, userId: registration.userID)
            messages.append(try .fact(.ticketRevoked, event: event, owner: door.ownerID, ticket))
        }
        if wasConfirmed { messages += try await promote(&door, now: now, on: transaction) }
        try await OutboxStore().append(messages, on: transaction)
        return registration
    }

    /// Sets how many places there are. More places let the line move up at once.
    /// - Throws: ``DomainError/capacityBelowConfirmed(confirmed:)``.
    public func setCapacity(
        _ capacity: Int, of event: EventID, now: Date, on transaction: Transaction
    ) async throws {
        guard var (door, _) = try await PlacesDoor.open(event, on: transaction) else { throw DomainError.notFound }
        if capacity == door.places.capacity { return }
        guard capacity >= door.places.confirmed else {
            throw DomainError.capacityBelowConfirmed(confirmed: door.places.confirmed)
        }
        door.places.capacity = capacity
        door.places.revision += 1
        _ = try await transaction.query(
            """
            UPDATE event_places SET capacity = \(capacity), revision = revision + 1
            WHERE event_id = \(event) AND confirmed <= \(capacity)
            """)
        var messages = [
            try OutboxEntry.live(
                .placesChanged, event: event, PlacesData(eventId: event, places: door.places))
        ]
        messages += try await promote(&door, now: now, on: transaction)
        try await OutboxStore().append(messages, on: transaction)
    }

    /// Calls an event off: nobody registers any more, and no ticket is good.
    /// - Returns: the event's new version, or nil when it was cancelled before.
    public func cancelEvent(_ event: EventID, now: Date, on transaction: Transaction) async throws -> Int? {
        guard try await PlacesDoor.open(event, on: transaction) != nil else { throw DomainError.notFound }
        let results = try await transaction.pipeline([
            """
            UPDATE events SET status = 'cancelled', cancelled_at = \(now), updated_at = \(now), version = version + 1
            WHERE id = \(event) AND status <> 'cancelled' RETURNING version
            """,
            // Whoever issues a ticket holds the registration's row and looked at the event's status behind that lock.
            // With these locks, the next statement sees every ticket made so far, and none is made any more.
            """
            SELECT count(*) FROM (
                SELECT 1 FROM registrations WHERE event_id = \(event) AND status = 'confirmed' FOR SHARE
            ) holders
            """,
            """
            UPDATE tickets SET status = 'revoked', revoked_at = \(now)
            WHERE event_id = \(event) AND status = 'valid'
            """,
        ])
        return try results[0].first?.decode("version")
    }

    /// Moves the first in line up while there are places; answers the messages that say so.
    private func promote(
        _ door: inout PlacesDoor, now: Date, on transaction: Transaction
    ) async throws -> [OutboxEntry] {
        let free = min(door.places.capacity - door.places.confirmed, door.places.waitlisted)
        guard free > 0, door.window.status == .published, door.window.endsAt > now else { return [] }
        let rows = try await transaction.query(
            """
            WITH first AS (
                SELECT id FROM registrations WHERE event_id = \(door.eventID) AND status = 'waitlisted'
                ORDER BY line_number LIMIT \(free)
            )
            UPDATE registrations SET status = 'confirmed', confirmed_at = \(now)
            FROM first WHERE registrations.id = first.id
            RETURNING registrations.id, user_id, line_number, created_at
            """)
        let inOrder = try rows.map { (number: try $0.decode("line_number", as: Int.self), row: $0) }
            .sorted { $0.number < $1.number }
        guard !inOrder.isEmpty else { return [] }
        _ = try await transaction.query(door.moving(confirmed: inOrder.count, waitlisted: -inOrder.count))
        return try inOrder.map { _, row in
            let registration = Registration(
                id: try row.decode("id"), eventID: door.eventID, userID: try row.decode("user_id"),
                status: .confirmed, position: nil, createdAt: try row.decode("created_at"), confirmedAt: now,
                cancelledAt: nil)
            return try Self.message(.registrationPromoted, registration, door)
        }
    }

    private static func message(
        _ type: MessageType, _ registration: Registration, _ door: PlacesDoor
    ) throws -> OutboxEntry {
        try .fact(
            type, event: door.eventID, owner: door.ownerID,
            RegistrationData(
                eventId: door.eventID, registrationId: registration.id, userId: registration.userID,
                status: registration.status, position: registration.position, places: door.places))
    }

    /// With the place in line counted at the moment of reading.
    static let selection: SQL = """
        SELECT r.id, r.event_id, r.user_id, r.status, r.created_at, r.confirmed_at, r.cancelled_at, r.idempotency_key,
            CASE WHEN r.status = 'waitlisted' THEN (
                SELECT count(*) FROM registrations w
                WHERE w.event_id = r.event_id AND w.status = 'waitlisted' AND w.line_number <= r.line_number
            ) END AS position
        FROM registrations r
        """

    static func registration(_ row: Row) throws -> Registration {
        Registration(
            id: try row.decode("id"), eventID: try row.decode("event_id"), userID: try row.decode("user_id"),
            status: try row.decode("status"), position: try row.decode("position"),
            createdAt: try row.decode("created_at"), confirmedAt: try row.decode("confirmed_at"),
            cancelledAt: try row.decode("cancelled_at"))
    }
}
