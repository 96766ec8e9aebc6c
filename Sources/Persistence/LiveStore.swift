public import Domain
public import FoundationEssentials
public import Postgres

/// A session as the hub sees it.
public struct SignIn: Hashable, Sendable {
    public var userID: UserID
    /// The person's current role, whatever an older token says.
    public var role: Role
    /// Signed out, revoked or expired.
    public var isOver: Bool
}

/// A person who may have a role in an event.
public struct EventSeat: Hashable, Sendable {
    public var user: UserID
    public var event: EventID

    public init(user: UserID, event: EventID) {
        self.user = user
        self.event = event
    }
}

/// The check-ins of one event.
public struct CheckInState: Hashable, Sendable {
    public var checkedIn: Int
    /// The latest ten, newest first.
    public var last: [LatestCheckIn]
    /// The database's clock at the time of reading, in milliseconds: identifies the later of two states, whoever read
    /// them.
    public var revision: Int
}

/// The undelivered emails of one event.
public struct DeliveryProblems: Hashable, Sendable {
    /// Temporarily rejected, to be retried.
    public var retrying: Int
    /// Failed permanently.
    public var failed: Int
    /// As in ``CheckInState``.
    public var revision: Int
}

/// A registration of a connected person.
public struct LiveRegistration: Hashable, Sendable {
    public var id: RegistrationID
    public var userID: UserID
    public var eventID: EventID
    public var status: RegistrationStatus
    /// The event's capacity revision.
    public var revision: Int

    public init(id: RegistrationID, userID: UserID, eventID: EventID, status: RegistrationStatus, revision: Int) {
        self.id = id
        self.userID = userID
        self.eventID = eventID
        self.status = status
        self.revision = revision
    }
}

/// The hub's queries about the people and events of its sockets: each one once for all of them.
public struct LiveStore: Sendable {
    let database: Database

    public init(_ database: Database) { self.database = database }

    /// The state of sessions; unknown ones, or those whose person is gone, are missing.
    public func signIns(_ sessions: [SessionID]) async throws -> [SessionID: SignIn] {
        guard !sessions.isEmpty else { return [:] }
        let rows = try await database.read(
            """
            SELECT s.id, s.user_id, u.role, (s.revoked_at IS NOT NULL OR s.expires_at <= now()) AS is_over
            FROM sessions s JOIN users u ON u.id = s.user_id
            WHERE s.id = ANY(\(sessions))
            """)
        var signIns: [SessionID: SignIn] = [:]
        for row in rows {
            signIns[try row.decode("id")] = SignIn(
                userID: try row.decode("user_id"), role: try row.decode("role"), isOver: try row.decode("is_over"))
        }
        return signIns
    }

    /// People's roles in events; those without one are missing.
    public func memberships(_ seats: [EventSeat]) async throws -> [EventSeat: MembershipRole] {
        guard !seats.isEmpty else { return [:] }
        let (users, events) = (seats.map(\.user), seats.map(\.event))
        let rows = try await database.read(
            """
            SELECT m.user_id, m.event_id, m.role
            FROM event_members m
            JOIN unnest(\(users), \(events)) AS wanted (user_id, event_id)
                ON m.user_id = wanted.user_id AND m.event_id = wanted.event_id
            """)
        var roles: [EventSeat: MembershipRole] = [:]
        for row in rows {
            roles[EventSeat(user: try row.decode("user_id"), event: try row.decode("event_id"))] =
                try row.decode("role")
        }
        return roles
    }

    /// The number of check-ins, and the latest ones.
    public func checkIns(of events: [EventID]) async throws -> [EventID: CheckInState] {
        guard !events.isEmpty else { return [:] }
        let rows = try await database.read(
            """
            SELECT e.id, n.checked_in, l.ticket_id, l.at, l.gate,
                floor(extract(epoch FROM statement_timestamp()) * 1000)::bigint AS revision
            FROM events e
            CROSS JOIN LATERAL (SELECT count(*) AS checked_in FROM check_ins WHERE event_id = e.id) n
            LEFT JOIN LATERAL (
                SELECT ticket_id, at, gate FROM check_ins WHERE event_id = e.id ORDER BY at DESC LIMIT 10
            ) l ON true
            WHERE e.id = ANY(\(events))
            ORDER BY e.id, l.at DESC
            """)
        var states: [EventID: CheckInState] = [:]
        for row in rows {
            let id = try row.decode("id", as: EventID.self)
            var state =
                try states[id]
                ?? CheckInState(
                    checkedIn: try row.decode("checked_in"), last: [], revision: try row.decode("revision"))
            if let ticket = try row.decode("ticket_id", as: TicketID?.self) {
                state.last.append(
                    LatestCheckIn(ticketId: ticket, at: try row.decode("at"), gate: try row.decode("gate")))
            }
            states[id] = state
        }
        return states
    }

    /// The number of undelivered emails. A failed one stops counting once the same is sent to the same person again;
    /// one that was superseded before its first attempt never counts.
    public func deliveryProblems(of events: [EventID]) async throws -> [EventID: DeliveryProblems] {
        guard !events.isEmpty else { return [:] }
        let rows = try await database.read(
            """
            SELECT e.id, n.retrying, n.failed,
                floor(extract(epoch FROM statement_timestamp()) * 1000)::bigint AS revision
            FROM unnest(\(events)) AS e (id)
            CROSS JOIN LATERAL (
                SELECT count(*) FILTER (WHERE status = 'retrying') AS retrying,
                    count(*) FILTER (WHERE status = 'failed' AND attempts > 0 AND NOT EXISTS (
                        -- By the person, never by the event, of which there are very many: hence no equality.
                        SELECT FROM notifications again
                        WHERE again.user_id = trouble.user_id AND again.created_at > trouble.created_at
                            AND again.event_id IS NOT DISTINCT FROM trouble.event_id AND again.kind = trouble.kind)) AS failed
                FROM notifications trouble
                WHERE event_id = e.id AND status IN ('retrying', 'failed')
            ) n
            """)
        var problems: [EventID: DeliveryProblems] = [:]
        for row in rows {
            problems[try row.decode("id")] = DeliveryProblems(
                retrying: try row.decode("retrying"), failed: try row.decode("failed"),
                revision: try row.decode("revision"))
        }
        return problems
    }

    /// The ids of the latest announcements, newest first: at most twenty per event.
    public func newestAnnouncements(of events: [EventID]) async throws -> [EventID: [AnnouncementID]] {
        guard !events.isEmpty else { return [:] }
        let rows = try await database.read(
            """
            SELECT e.id AS event_id, a.id
            FROM unnest(\(events)) AS e (id)
            CROSS JOIN LATERAL (
                SELECT id, at FROM announcements WHERE event_id = e.id AND status = 'posted' AND audience = 'all'
                ORDER BY at DESC, id DESC LIMIT 20
            ) a
            ORDER BY e.id, a.at DESC, a.id DESC
            """)
        var newest: [EventID: [AnnouncementID]] = [:]
        for row in rows { newest[try row.decode("event_id"), default: []].append(try row.decode("id")) }
        return newest
    }

    /// Announcements, oldest first, as the frames that Redis should have delivered.
    public func announcements(_ ids: [AnnouncementID]) async throws -> [LiveUpdate] {
        guard !ids.isEmpty else { return [] }
        let rows = try await database.read(
            "SELECT id, event_id, title, body, at FROM announcements WHERE id = ANY(\(ids)) ORDER BY at, id")
        return try rows.map { row in
            .announcement(
                try row.decode("event_id"), id: try row.decode("id"), title: try row.decode("title"),
                body: try row.decode("body"), at: try row.decode("at"))
        }
    }

    /// The waitlisted registrations of these people, and those that recently left the waitlist or were promoted.
    /// - Parameter age: seconds; generous, because the times are those of the services' clocks.
    public func registrations(
        of users: [UserID], waitingOrChangedWithin age: TimeInterval
    ) async throws -> [LiveRegistration] {
        guard !users.isEmpty else { return [] }
        let rows = try await database.read(
            """
            SELECT r.id, r.user_id, r.event_id, \(fragment: RegistrationStore.shownStatus), p.revision
            FROM registrations r JOIN event_places p ON p.event_id = r.event_id JOIN events e ON e.id = r.event_id
            WHERE r.user_id = ANY(\(users)) AND (r.status = 'waitlisted'
                OR greatest(r.confirmed_at, r.cancelled_at) > now() - make_interval(secs => \(age)))
            """)
        return try rows.map { row in
            LiveRegistration(
                id: try row.decode("id"), userID: try row.decode("user_id"), eventID: try row.decode("event_id"),
                status: try row.decode("status"), revision: try row.decode("revision"))
        }
    }

    /// The waitlist positions of these people, from 1. Each event's waitlist is counted once.
    public func positions(of users: [UserID], in events: [EventID]) async throws -> [RegistrationID: Int] {
        guard !users.isEmpty, !events.isEmpty else { return [:] }
        let rows = try await database.read(
            """
            WITH line AS MATERIALIZED (
                SELECT id, user_id, row_number() OVER (PARTITION BY event_id ORDER BY line_number) AS position
                FROM registrations WHERE event_id = ANY(\(events)) AND status = 'waitlisted'
            )
            SELECT id, position FROM line WHERE user_id = ANY(\(users))
            """)
        var positions: [RegistrationID: Int] = [:]
        for row in rows { positions[try row.decode("id")] = try row.decode("position") }
        return positions
    }
}
