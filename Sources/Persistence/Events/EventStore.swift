public import Domain
public import FoundationEssentials
public import Postgres

/// Events, their members and their counts, for reading. Counts are changed through ``RegistrationStore``.
public struct EventStore: Sendable {
    let database: Database

    public init(_ database: Database) { self.database = database }

    // MARK: Writing

    public func insert(_ id: EventID, _ details: EventDetails, owner: UserID, on transaction: Transaction) async throws
    {
        _ = try await transaction.pipeline([
            """
            INSERT INTO events
                (id, owner_id, title, description, venue, starts_at, ends_at, time_zone, waitlist_enabled,
                 promote_after_close, registration_opens_at, registration_closes_at, check_in_opens_at)
            VALUES
                (\(id), \(owner), \(details.title), \(details.description), \(details.venue), \(details.startsAt),
                 \(details.endsAt), \(details.timeZone), \(details.waitlistEnabled), \(details.promoteAfterClose),
                 \(details.registrationOpensAt), \(details.registrationClosesAt), \(details.checkInOpensAt))
            """,
            "INSERT INTO event_places (event_id, capacity) VALUES (\(id), \(details.capacity))",
            "INSERT INTO event_members (event_id, user_id, role) VALUES (\(id), \(owner), 'owner')",
        ])
    }

    /// Updates the details except for the capacity, which ``RegistrationStore/setCapacity(_:of:on:)`` changes.
    /// - Parameter version: the version that the editor has seen.
    /// - Returns: the new version.
    /// - Throws: ``DomainError/versionMismatch`` if someone else changed it first.
    public func update(
        _ id: EventID, _ details: EventDetails, expecting version: Int, on transaction: Transaction
    ) async throws -> Int {
        let rows = try await transaction.query(
            """
            UPDATE events SET
                title = \(details.title), description = \(details.description), venue = \(details.venue),
                starts_at = \(details.startsAt), ends_at = \(details.endsAt), time_zone = \(details.timeZone),
                waitlist_enabled = \(details.waitlistEnabled), promote_after_close = \(details.promoteAfterClose),
                registration_opens_at = \(details.registrationOpensAt),
                registration_closes_at = \(details.registrationClosesAt),
                check_in_opens_at = \(details.checkInOpensAt), version = version + 1, updated_at = now()
            WHERE id = \(id) AND version = \(version)
            RETURNING version
            """)
        guard let row = rows.first else { throw DomainError.versionMismatch }
        return try row.decode("version")
    }

    /// Changes an event's owner; the previous one leaves its team. Returns the previous one, nil if it is the same.
    /// - Throws: ``DomainError/notFound``.
    public func handOver(_ id: EventID, to user: UserID, on transaction: Transaction) async throws -> UserID? {
        let rows = try await transaction.query("SELECT owner_id FROM events WHERE id = \(id) FOR NO KEY UPDATE")
        guard let before = try rows.first?.decode("owner_id", as: UserID.self) else { throw DomainError.notFound }
        guard before != user else { return nil }
        _ = try await transaction.pipeline([
            "UPDATE events SET owner_id = \(user), version = version + 1, updated_at = now() WHERE id = \(id)",
            "DELETE FROM event_members WHERE event_id = \(id) AND user_id = \(before)",
            """
            INSERT INTO event_members (event_id, user_id, role) VALUES (\(id), \(user), 'owner')
            ON CONFLICT (event_id, user_id) DO UPDATE SET role = 'owner'
            """,
            "DELETE FROM event_member_offers WHERE event_id = \(id) AND user_id = \(user)",
        ])
        return before
    }

    /// Publishes a draft; returns the new version, or nil if it wasn't a draft.
    public func publish(_ id: EventID, on transaction: Transaction) async throws -> Int? {
        try await transaction.query(
            """
            UPDATE events SET status = 'published', published_at = now(), updated_at = now(), version = version + 1
            WHERE id = \(id) AND status = 'draft' RETURNING version
            """
        ).first?.decode("version")
    }

    // MARK: Reading

    public func find(_ id: EventID) async throws -> Event? {
        try await database.read("\(fragment: Self.selection) WHERE e.id = \(id)").first.map(Self.event)
    }

    /// The event as this transaction sees it.
    public func find(_ id: EventID, on transaction: Transaction) async throws -> Event? {
        try await transaction.query("\(fragment: Self.selection) WHERE e.id = \(id)").first.map(Self.event)
    }

    /// The event's start in its time zone, in English: `Sat, 5 Dec 2026, 19:00`.
    public func localStart(of id: EventID) async throws -> String? {
        try await database.read(
            """
            SELECT to_char(local_time(starts_at, time_zone), 'Dy, FMDD Mon YYYY, HH24:MI') AS local_start
            FROM events WHERE id = \(id)
            """
        ).first?.decode("local_start")
    }

    /// Published events, soonest first. Without `from`, those that are not over.
    public func listPublished(
        query: String?, from: Date?, to: Date?, now: Date, after: PageKey?, limit: Int
    ) async throws -> Page<Event> {
        let end = max(now, from ?? now)
        let isFound = try await find(query, among: "e.status = 'published' AND e.ends_at > \(end)")
        let rows = try await database.list(
            Self.listing(
                """
                e.status = 'published' AND \(fragment: isFound) \(given: to, { "AND e.starts_at < \($0)" })
                    \(given: after, { "AND (e.starts_at, e.id) > (\($0.at), \($0.id))" })
                """, endingAfter: end, order: "e.starts_at, e.id", limit: limit + 1))
        return try Self.page(rows, limit: limit)
    }

    /// Events that a person owns or co-organizes, or everyone's (nil), including drafts and past ones; latest start
    /// first.
    public func list(
        organizedBy user: UserID?, query: String?, from: Date?, to: Date?, after: PageKey?, limit: Int
    ) async throws -> Page<Event> {
        // A person's own events are few, so they are searched directly.
        let words = hasWords(query, in: "e.title, e.venue")
        let isFound = user == nil ? try await find(query, among: words) : words
        // A former organizer has no rights to the events they own.
        func isTheirs(_ user: UserID) -> SQL {
            """
            AND e.id = ANY(ARRAY(
                SELECT m.event_id FROM event_members m JOIN users o ON o.id = m.user_id
                WHERE m.user_id = \(user) AND NOT (m.role = 'owner' AND o.role = 'user')))
            """
        }
        let rows = try await database.list(
            Self.listing(
                """
                \(fragment: isFound) \(given: user, isTheirs) \(given: to, { "AND e.starts_at < \($0)" })
                    \(given: after, { "AND (e.starts_at, e.id) < (\($0.at), \($0.id))" })
                """, endingAfter: from, order: "e.starts_at DESC, e.id DESC", limit: limit + 1))
        return try Self.page(rows, limit: limit)
    }

    /// The condition that the title, venue or description has the words. If few events match, they are found by the
    /// trigram index, `events_by_letters`; if many do, the next in the list's order is found soon.
    private func find(_ query: String?, among condition: SQL) async throws -> SQL {
        guard let query, !query.isEmpty else { return "true" }
        let isFound = hasLetters(query, in: "folded(e.title || ' ' || e.venue || ' ' || e.description)")
        let ids = try await database.list(
            """
            SELECT e.id FROM events e WHERE \(fragment: isFound) AND \(fragment: condition) LIMIT \(fewMatches)
            """
        ).map { try $0.decode("id", as: EventID.self) }
        return ids.count < fewMatches ? "e.id = ANY(\(ids))" : "\(fragment: isFound) AND \(fragment: condition)"
    }

    /// The first events of a list. Among those that end after a time, ongoing and later events are found by an index
    /// each, without scanning past events.
    private static func listing(_ condition: SQL, endingAfter time: Date?, order: SQL, limit: Int) -> SQL {
        let spans: [SQL] =
            time.map {
                ["AND tstzrange(e.starts_at, e.ends_at) @> \($0)::timestamptz", "AND e.starts_at > \($0)"]
            } ?? [""]
        let parts = spans.map { span -> SQL in
            """
            (SELECT e.id FROM events e WHERE \(fragment: condition) \(fragment: span)
                ORDER BY \(fragment: order) LIMIT \(limit))
            """
        }
        return """
            \(fragment: selection) WHERE e.id = ANY(ARRAY(\(fragment: parts.joined(separator: " UNION ALL "))))
            ORDER BY \(fragment: order) LIMIT \(limit)
            """
    }

    /// Events that a person owns, latest start first.
    public func list(ownedBy owner: UserID, after: PageKey?, limit: Int) async throws -> Page<Event> {
        let rows = try await database.list(
            """
            \(fragment: Self.selection)
            WHERE e.owner_id = \(owner)
                \(given: after, { "AND (e.starts_at, e.id) < (\($0.at), \($0.id))" })
            ORDER BY e.starts_at DESC, e.id DESC LIMIT \(limit + 1)
            """)
        return try Self.page(rows, limit: limit)
    }

    /// A person's role in an event, if any.
    public func membership(of user: UserID, in event: EventID) async throws -> MembershipRole? {
        try await database.read(
            "SELECT role FROM event_members WHERE event_id = \(event) AND user_id = \(user)"
        ).first?.decode("role")
    }

    /// The counts and the version of many events in one query; unknown events are missing from the result.
    public func places(for events: [EventID]) async throws -> [EventID: LiveState] {
        guard !events.isEmpty else { return [:] }
        let rows = try await database.read(
            """
            SELECT e.id, e.version, e.status, e.ends_at, \(fragment: Self.shownPlaces)
            FROM events e JOIN event_places p ON p.event_id = e.id
            WHERE e.id = ANY(\(events))
            """)
        var states: [EventID: LiveState] = [:]
        for row in rows {
            states[try row.decode("id")] = LiveState(
                places: try Self.places(row), version: try row.decode("version"), status: try row.decode("status"))
        }
        return states
    }

    // MARK: Rows

    static let selection: SQL = """
        SELECT e.id, e.owner_id, u.display_name AS organizer_name, e.title, e.description, e.venue, e.starts_at,
            e.ends_at, e.time_zone, e.waitlist_enabled, e.promote_after_close, e.registration_opens_at,
            e.registration_closes_at, e.check_in_opens_at, e.status, e.version, e.created_at, e.updated_at, e.published_at, e.cancelled_at,
            \(fragment: shownPlaces), p.capacity_target, s.done, s.total
        FROM events e JOIN event_places p ON p.event_id = e.id JOIN users u ON u.id = e.owner_id
            LEFT JOIN pending_steps s ON s.kind = 'event.cancellation' AND s.subject_id = e.id
        """

    /// The counts `p` of an event `e`. In a canceled event no one is confirmed or waitlisted; the row keeps the
    /// previous numbers.
    static let shownPlaces: SQL = """
        p.revision, p.capacity, CASE WHEN e.status = 'cancelled' THEN 0 ELSE p.confirmed END AS confirmed,
        CASE WHEN e.status = 'cancelled' THEN 0 ELSE p.waitlisted END AS waitlisted
        """

    static func places(_ row: Row) throws -> Places {
        Places(
            revision: try row.decode("revision"), confirmed: try row.decode("confirmed"),
            waitlisted: try row.decode("waitlisted"), capacity: try row.decode("capacity"))
    }

    static func event(_ row: Row) throws -> Event {
        let places = try Self.places(row)
        let target = try row.decode("capacity_target", as: Int?.self)
        let details = EventDetails(
            title: try row.decode("title"), description: try row.decode("description"),
            venue: try row.decode("venue"), startsAt: try row.decode("starts_at"), endsAt: try row.decode("ends_at"),
            timeZone: try row.decode("time_zone"), capacity: target ?? places.capacity,
            waitlistEnabled: try row.decode("waitlist_enabled"),
            promoteAfterClose: try row.decode("promote_after_close"),
            registrationOpensAt: try row.decode("registration_opens_at"),
            registrationClosesAt: try row.decode("registration_closes_at"),
            checkInOpensAt: try row.decode("check_in_opens_at"))
        var event = Event(
            id: try row.decode("id"), ownerID: try row.decode("owner_id"),
            organizerName: try row.decode("organizer_name"), details: details,
            storedStatus: try row.decode("status"), places: places, version: try row.decode("version"),
            createdAt: try row.decode("created_at"), updatedAt: try row.decode("updated_at"),
            publishedAt: try row.decode("published_at"), cancelledAt: try row.decode("cancelled_at"))
        event.capacityTarget = target
        if let total = try row.decode("total", as: Int?.self) {
            event.cancellationProgress = StepProgress(done: try row.decode("done"), total: total)
        }
        return event
    }

    private static func page(_ rows: QueryResult, limit: Int) throws -> Page<Event> {
        Page(try rows.map(event), limit: limit) { PageKey(at: $0.details.startsAt, id: $0.id.uuid) }
    }
}

/// The state that the hub compares with its own.
public struct LiveState: Hashable, Sendable {
    public var places: Places
    public var version: Int
    public var status: EventStatus
}
