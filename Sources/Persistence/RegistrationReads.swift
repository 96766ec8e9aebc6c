public import Domain
public import FoundationEssentials
public import Postgres

/// A registration with what a person sees beside it.
public struct RegistrationDetail: Sendable {
    public var registration: Registration
    public var ticket: Ticket?
    public var event: EventSummary
}

/// The part of an event that stands beside a registration.
public struct EventSummary: Hashable, Sendable {
    public var id: EventID
    public var title: String
    public var venue: String
    public var startsAt: Date
    public var endsAt: Date
    public var timeZone: String
    public var storedStatus: EventStatus

    public func status(at now: Date) -> EventStatus {
        storedStatus == .published && endsAt <= now ? .ended : storedStatus
    }
}

/// Somebody who registered, as the organizer sees them.
public struct Attendee: Sendable {
    public var registration: Registration
    public var displayName: String
    public var email: String
    public var ticket: Ticket?
}

/// In which order attendees are listed.
public enum AttendeeOrder: String, CaseIterable, Sendable {
    /// As they came.
    case registered
    case newest
    case name

    fileprivate var columns: SQL {
        switch self {
        case .registered: "x.created_at, x.id"
        case .newest: "x.created_at DESC, x.id DESC"
        case .name: "u.display_name COLLATE \"und-x-icu\", x.id"
        }
    }

    /// What comes behind the last row of a page. A name is looked up by that row's id: no cursor holds one.
    fileprivate func follows(_ key: PageKey) -> SQL {
        switch self {
        case .registered: "(x.created_at, x.id) > (\(key.at), \(key.id))"
        case .newest: "(x.created_at, x.id) < (\(key.at), \(key.id))"
        case .name:
            """
            (u.display_name COLLATE "und-x-icu", x.id) > (
                (SELECT n.display_name FROM registrations l JOIN users n ON n.id = l.user_id WHERE l.id = \(key.id)),
                \(key.id))
            """
        }
    }
}

extension RegistrationStore {
    public func find(_ id: RegistrationID) async throws -> RegistrationDetail? {
        try await database.read("\(fragment: Self.details) WHERE r.id = \(id)").first.map(Self.detail)
    }

    /// The registration as its row has it: what somebody had, whose event was called off since.
    func findStored(_ id: RegistrationID) async throws -> RegistrationDetail? {
        try await database.read("\(fragment: Self.storedDetails) WHERE r.id = \(id)").first.map(Self.detail)
    }

    /// The registration as this transaction sees it.
    public func find(_ id: RegistrationID, on transaction: Transaction) async throws -> RegistrationDetail? {
        try await transaction.query("\(fragment: Self.details) WHERE r.id = \(id)").first.map(Self.detail)
    }

    /// A person's registrations, the newest first.
    public func list(
        of user: UserID, event: EventID?, after: PageKey?, limit: Int
    ) async throws -> Page<RegistrationDetail> {
        let rows = try await database.read(
            """
            \(fragment: Self.details)
            WHERE r.user_id = \(user) AND (\(event) IS NULL OR r.event_id = \(event))
                AND (\(after?.at) IS NULL OR (r.created_at, r.id) < (\(after?.at), \(after?.id)))
            ORDER BY r.created_at DESC, r.id DESC LIMIT \(limit + 1)
            """)
        return Page(try rows.map(Self.detail), limit: limit) {
            PageKey(at: $0.registration.createdAt, id: $0.registration.id.uuid)
        }
    }

    /// Who registered for an event. The line is counted once for the whole page.
    public func attendees(
        of event: EventID, query: String?, status: RegistrationStatus?, order: AttendeeOrder = .registered,
        after: PageKey?, limit: Int
    ) async throws -> Page<Attendee> {
        let words = hasWords(query, in: "u.display_name, u.email, x.code, replace(x.code, '-', '')")
        let follows = after.map(order.follows) ?? "true"
        let rows = try await database.read(
            """
            WITH line AS MATERIALIZED (
                SELECT id, row_number() OVER (ORDER BY line_number) AS number FROM registrations
                WHERE event_id = \(event) AND status = 'waitlisted'
            )
            SELECT u.display_name, u.email, x.* FROM (\(fragment: Self.detailsBesideLine)) x
            JOIN users u ON u.id = x.user_id
            WHERE x.event_id = \(event) AND (\(status) IS NULL OR x.status = \(status))
                AND \(fragment: words)
                AND \(fragment: follows)
            ORDER BY \(fragment: order.columns) LIMIT \(limit + 1)
            """)
        let attendees = try rows.map { row in
            Attendee(
                registration: try Self.registration(row), displayName: try row.decode("display_name"),
                email: try row.decode("email"), ticket: try TicketStore.ticket(row, prefixed: true))
        }
        return Page(attendees, limit: limit) { PageKey(at: $0.registration.createdAt, id: $0.registration.id.uuid) }
    }

    /// The registration, its event and its newest ticket.
    private static let details = details(position: positionInLine, joining: "")

    /// The same with the registration as its row has it.
    private static let storedDetails = details(position: positionInLine, joining: "", isStored: true)

    /// The same with the place taken from a table `line`.
    private static let detailsBesideLine = details(
        position: "CASE WHEN e.status <> 'cancelled' THEN line.number END", joining: "LEFT JOIN line ON line.id = r.id")

    private static func details(position: SQL, joining: SQL, isStored: Bool = false) -> SQL {
        """
        SELECT r.id, r.event_id, r.user_id, \(fragment: isStored ? "r.status" : shownStatus), r.created_at,
            r.confirmed_at, \(fragment: isStored ? "r.cancelled_at" : shownCancellation), r.cancellation_reason,
            \(fragment: position) AS position,
            e.title, e.venue, e.starts_at, e.ends_at, e.time_zone, e.status AS event_status,
            t.id AS ticket_id, t.code, t.qr_text, \(fragment: TicketStore.shownStatus) AS ticket_status, t.issued_at,
            \(fragment: TicketStore.shownRevocation) AS revoked_at, c.at AS checked_in_at
        FROM registrations r
        JOIN events e ON e.id = r.event_id
        LEFT JOIN LATERAL (
            SELECT * FROM tickets WHERE registration_id = r.id ORDER BY issue DESC LIMIT 1
        ) t ON true
        LEFT JOIN check_ins c ON c.ticket_id = t.id
        \(fragment: joining)
        """
    }

    private static func detail(_ row: Row) throws -> RegistrationDetail {
        let event = EventSummary(
            id: try row.decode("event_id"), title: try row.decode("title"), venue: try row.decode("venue"),
            startsAt: try row.decode("starts_at"), endsAt: try row.decode("ends_at"),
            timeZone: try row.decode("time_zone"), storedStatus: try row.decode("event_status"))
        return RegistrationDetail(
            registration: try registration(row), ticket: try TicketStore.ticket(row, prefixed: true), event: event)
    }
}
