public import Domain
public import FoundationEssentials
public import Postgres

/// A sign-in as the hub sees it.
public struct SignIn: Hashable, Sendable {
    public var userID: UserID
    /// The person's role of this moment, whatever an older token says.
    public var role: Role
    /// Signed out, revoked or out of time.
    public var isOver: Bool
}

/// Somebody who may have a role in an event.
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
    /// The newest ten, the newest first.
    public var last: [LatestCheckIn]
    /// The database's clock at the reading, in milliseconds: of two states the later one is known, whoever read them.
    public var revision: Int
}

/// The mails of one event that have not arrived.
public struct DeliveryProblems: Hashable, Sendable {
    /// Refused for now, to be tried again.
    public var retrying: Int
    /// Given up.
    public var failed: Int
    /// As of ``CheckInState``.
    public var revision: Int
}

/// A registration that a connected person may want to hear of.
public struct LiveRegistration: Hashable, Sendable {
    public var id: RegistrationID
    public var userID: UserID
    public var eventID: EventID
    public var status: RegistrationStatus
    /// Of the event's places.
    public var revision: Int

    public init(id: RegistrationID, userID: UserID, eventID: EventID, status: RegistrationStatus, revision: Int) {
        self.id = id
        self.userID = userID
        self.eventID = eventID
        self.status = status
        self.revision = revision
    }
}

/// What the hub asks about the people and events that it has sockets for: every question once for all of them.
public struct LiveStore: Sendable {
    let database: Database

    public init(_ database: Database) { self.database = database }

    /// How sign-ins stand; those that never were, or whose person is gone, are missing.
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

    /// What people are in events; those who are nothing are missing.
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

    /// How many came, and who last.
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

    /// How many mails have not arrived. One that was given up stops counting once the same is on its way to the same
    /// person again; one that was overtaken before it was tried was never a problem.
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

    /// The ids of what was announced last, the newest first: twenty of each event at most.
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

    /// Announcements, the oldest first, as the frames that Redis should have brought.
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

    /// The registrations of these people that wait in line, and those that left it or came to a place of late.
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

    /// The places in line of these people, from 1. Each event's line is counted once.
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
