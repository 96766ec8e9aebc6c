public import Domain
public import FoundationEssentials
public import Postgres

/// A registration with its event and ticket.
public struct RegistrationDetail: Sendable {
    public var registration: Registration
    public var ticket: Ticket?
    public var event: EventSummary
}

/// The part of an event that is shown with a registration.
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

/// A registration as the organizer sees it.
public struct Attendee: Sendable {
    public var registration: Registration
    public var displayName: String
    public var email: String
    public var ticket: Ticket?
}

/// The numbers of a whole waitlist, in order: eight bytes per person.
public struct WaitlistPositions: Sendable {
    fileprivate(set) var numbers: [Int] = []

    /// Nil for someone who joined later.
    func position(of number: Int) -> Int? {
        var (low, high) = (0, numbers.count)
        while low < high {
            let middle = (low + high) / 2
            if numbers[middle] < number { low = middle + 1 } else { high = middle }
        }
        return low < numbers.count && numbers[low] == number ? low + 1 : nil
    }
}

public enum AttendeeOrder: String, CaseIterable, Sendable {
    /// By time of registration.
    case registered
    case newest
    case name

    fileprivate var columns: SQL {
        switch self {
        case .registered: "r.created_at, r.id"
        case .newest: "r.created_at DESC, r.id DESC"
        case .name: "r.holder_name COLLATE names, r.id"
        }
    }

    /// The condition that a row comes after the last one of a page. A name is looked up by that row's id, so that no
    /// cursor contains one.
    fileprivate func follows(_ key: PageKey) -> SQL {
        switch self {
        case .registered: "AND (r.created_at, r.id) > (\(key.at), \(key.id))"
        case .newest: "AND (r.created_at, r.id) < (\(key.at), \(key.id))"
        case .name:
            """
            AND (r.holder_name COLLATE names, r.id) > (
                (SELECT last.holder_name FROM registrations last WHERE last.id = \(key.id)), \(key.id))
            """
        }
    }
}

extension RegistrationStore {
    public func find(_ id: RegistrationID) async throws -> RegistrationDetail? {
        try await database.read("\(fragment: Self.details) WHERE r.id = \(id)").first.map(Self.detail)
    }

    /// The registration as stored: what the person had before their event was canceled.
    func findStored(_ id: RegistrationID) async throws -> RegistrationDetail? {
        try await database.read("\(fragment: Self.storedDetails) WHERE r.id = \(id)").first.map(Self.detail)
    }

    /// The registration as this transaction sees it.
    public func find(_ id: RegistrationID, on transaction: Transaction) async throws -> RegistrationDetail? {
        try await transaction.query("\(fragment: Self.details) WHERE r.id = \(id)").first.map(Self.detail)
    }

    /// A person's registrations, newest first.
    public func list(
        of user: UserID, event: EventID?, after: PageKey?, limit: Int
    ) async throws -> Page<RegistrationDetail> {
        let rows = try await database.list(
            """
            \(fragment: Self.details)
            WHERE r.user_id = \(user) \(given: event, { "AND r.event_id = \($0)" })
                \(given: after, { "AND (r.created_at, r.id) < (\($0.at), \($0.id))" })
            ORDER BY r.created_at DESC, r.id DESC LIMIT \(limit + 1)
            """)
        return Page(try rows.map(Self.detail), limit: limit) {
            PageKey(at: $0.registration.createdAt, id: $0.registration.id.uuid)
        }
    }

    /// An event's registrations. The page is selected first; what is shown with a registration, including its waitlist
    /// position, is looked up for the page only.
    /// - Parameter positions: a snapshot, for callers that read page after page; nil to count them again.
    public func attendees(
        of event: EventID, query: String?, status: RegistrationStatus?, order: AttendeeOrder = .registered,
        positions: WaitlistPositions? = nil, after: PageKey?, limit: Int
    ) async throws -> Page<Attendee> {
        let hasStatus = if let status { try await shows(status, in: event) } else { SQL() }
        let isFound = if let query, !query.isEmpty { try await isAbout(query, in: event) } else { SQL() }
        let rows = try await database.list(
            """
            WITH page AS MATERIALIZED (
                SELECT r.id, r.status, r.line_number FROM registrations r
                WHERE r.event_id = \(event) \(fragment: hasStatus) \(fragment: isFound)
                    \(given: after, order.follows)
                ORDER BY \(fragment: order.columns) LIMIT \(limit + 1)
            ), line AS MATERIALIZED (\(fragment: positions == nil ? Self.lineUpToPage(of: event) : Self.noLine))
            \(fragment: Self.attendeesOfPage)
            ORDER BY \(fragment: order.columns)
            """)
        let attendees = try rows.map { row in
            var registration = try Self.registration(row)
            if let positions, registration.status == .waitlisted {
                registration.position = positions.position(of: try row.decode("line_number"))
            }
            return Attendee(
                registration: registration, displayName: try row.decode("display_name"),
                email: try row.decode("email"), ticket: try TicketStore.ticket(row, prefixed: true))
        }
        return Page(attendees, limit: limit) { PageKey(at: $0.registration.createdAt, id: $0.registration.id.uuid) }
    }

    /// The condition that a registration reads as of a status: in a canceled event all are canceled, whatever their
    /// rows still contain. The few that wait, or that left, are found by an index of their own instead of by scanning
    /// everyone.
    private func shows(_ status: RegistrationStatus, in event: EventID) async throws -> SQL {
        let isCalledOff = try await database.read(
            "SELECT status = 'cancelled' AS is_called_off FROM events WHERE id = \(event)"
        ).first?.decode("is_called_off", as: Bool.self)
        if isCalledOff == true { return status == .cancelled ? "" : "AND false" }
        guard status != .confirmed else { return Self.has(status) }
        let few = try await database.list(
            """
            SELECT r.id FROM registrations r WHERE r.event_id = \(event) \(fragment: Self.has(status)) LIMIT \(fewMatches)
            """
        ).map { try $0.decode("id", as: RegistrationID.self) }
        return few.count < fewMatches ? "AND r.id = ANY(\(few))" : Self.has(status)
    }

    private static func lineUpToPage(of event: EventID) -> SQL {
        """
        SELECT id, row_number() OVER (ORDER BY line_number) AS number FROM registrations
        WHERE event_id = \(event) AND status = 'waitlisted'
            AND line_number <= (SELECT max(line_number) FROM page WHERE status = 'waitlisted')
        """
    }

    private static let noLine: SQL = "SELECT NULL::uuid AS id, NULL::bigint AS number WHERE false"

    /// An event's waitlist, at about one moment.
    public func waitlistPositions(of event: EventID) async throws -> WaitlistPositions {
        var positions = WaitlistPositions()
        while true {
            let numbers = try await database.list(
                """
                SELECT line_number FROM registrations
                WHERE event_id = \(event) AND status = 'waitlisted' AND line_number > \(positions.numbers.last ?? 0)
                ORDER BY line_number LIMIT 10000
                """
            ).map { try $0.decode(at: 0, as: Int.self) }
            positions.numbers += numbers
            if numbers.count < 10_000 { return positions }
        }
    }

    /// The condition that a registration has a status; as a constant, so that the few of an event are found by their
    /// partial index.
    private static func has(_ status: RegistrationStatus) -> SQL {
        switch status {
        case .confirmed: "AND r.status = 'confirmed'"
        case .waitlisted: "AND r.status = 'waitlisted'"
        case .cancelled: "AND r.status = 'cancelled'"
        }
    }

    /// The condition that the words are in the person's name or email, or are the beginning of their ticket's code. If
    /// few people match, they are joined to the event; if many do, the next one in the list's order is found soon.
    private func isAbout(_ words: String, in event: EventID) async throws -> SQL {
        let hasCode: SQL =
            if let prefix = TicketCode.prefix(typed: words) {
                // A range of codes, so that the index need not support patterns.
                """
                SELECT registration_id FROM tickets WHERE code BETWEEN \(prefix) AND \(prefix + "ZZZZZZZZZZZZ")
                    AND starts_with(code, \(prefix)) AND event_id = \(event)
                """
            } else { "SELECT NULL::uuid WHERE false" }
        let people = try await UserStore(database).ids(matching: words)
        guard people.count < fewMatches else {
            // With EXISTS, the planner would search everyone's names first.
            let isNamed = hasWords(words, in: "u.display_name, u.email")
            return """
                AND ((SELECT \(fragment: isNamed) FROM users u WHERE u.id = r.user_id)
                    OR r.id = ANY(ARRAY(\(fragment: hasCode))))
                """
        }
        return """
            AND r.id = ANY(ARRAY(
                SELECT id FROM registrations WHERE event_id = \(event) AND user_id = ANY(\(people))
                UNION ALL \(fragment: hasCode)))
            """
    }

    private static let attendeesOfPage: SQL = """
        SELECT u.display_name, u.email, \(fragment: registrationColumns), r.line_number,
            CASE WHEN e.status <> 'cancelled' THEN line.number END AS position, \(fragment: ticketColumns)
        FROM page JOIN registrations r ON r.id = page.id JOIN events e ON e.id = r.event_id
            JOIN users u ON u.id = r.user_id
        \(fragment: newestTicket)
        LEFT JOIN line ON line.id = r.id
        """

    /// The registration, its event and its newest ticket.
    private static let details = details(registrationColumns)

    /// The same, with the registration as stored.
    private static let storedDetails = details(
        """
        r.id, r.event_id, r.user_id, r.status, r.created_at, r.confirmed_at, r.cancelled_at, r.cancellation_reason
        """)

    private static func details(_ columns: SQL) -> SQL {
        """
        SELECT \(fragment: columns), \(fragment: waitlistPosition) AS position,
            e.title, e.venue, e.starts_at, e.ends_at, e.time_zone, e.status AS event_status,
            \(fragment: ticketColumns)
        FROM registrations r
        JOIN events e ON e.id = r.event_id
        \(fragment: newestTicket)
        """
    }

    private static let registrationColumns: SQL = """
        r.id, r.event_id, r.user_id, \(fragment: shownStatus), r.created_at, r.confirmed_at,
        \(fragment: shownCancellation), r.cancellation_reason
        """
    private static let ticketColumns: SQL = """
        t.id AS ticket_id, t.code, t.qr_text, \(fragment: TicketStore.shownStatus) AS ticket_status, t.issued_at,
        \(fragment: TicketStore.shownRevocation) AS revoked_at, c.at AS checked_in_at
        """
    private static let newestTicket: SQL = """
        LEFT JOIN LATERAL (
            SELECT * FROM tickets WHERE registration_id = r.id ORDER BY issue DESC LIMIT 1
        ) t ON true
        LEFT JOIN check_ins c ON c.ticket_id = t.id
        """

    private static func detail(_ row: Row) throws -> RegistrationDetail {
        let event = EventSummary(
            id: try row.decode("event_id"), title: try row.decode("title"), venue: try row.decode("venue"),
            startsAt: try row.decode("starts_at"), endsAt: try row.decode("ends_at"),
            timeZone: try row.decode("time_zone"), storedStatus: try row.decode("event_status"))
        return RegistrationDetail(
            registration: try registration(row), ticket: try TicketStore.ticket(row, prefixed: true), event: event)
    }
}
