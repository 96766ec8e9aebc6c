public import Domain
public import FoundationEssentials
public import Postgres

public struct EventMember: Sendable {
    public var userID: UserID
    public var displayName: String
    public var email: String
    public var role: MembershipRole
    public var since: Date
    /// The email is not confirmed yet: until then they have no rights in the event.
    public var isPending = false
}

/// The teams of events. The owner can't be changed here.
public struct MemberStore: Sendable {
    let database: Database

    public init(_ database: Database) { self.database = database }

    /// The team, in the order of joining.
    public func list(of event: EventID, after: PageKey?, limit: Int) async throws -> Page<EventMember> {
        let rows = try await database.list(
            """
            (\(fragment: Self.selection) WHERE m.event_id = \(event)
                \(given: after, { "AND (m.created_at, m.user_id) > (\($0.at), \($0.id))" })
                ORDER BY m.created_at, m.user_id LIMIT \(limit + 1))
            UNION ALL
            (\(fragment: Self.offers) WHERE o.event_id = \(event)
                \(given: after, { "AND (o.created_at, o.user_id) > (\($0.at), \($0.id))" })
                ORDER BY o.created_at, o.user_id LIMIT \(limit + 1))
            ORDER BY created_at, user_id LIMIT \(limit + 1)
            """)
        return Page(try rows.map(Self.member), limit: limit) { PageKey(at: $0.since, id: $0.userID.uuid) }
    }

    /// Adds a member or changes a member's role; returns the member, and the previous role.
    /// - Throws: ``DomainError/ownerStays``.
    public func set(
        _ role: MembershipRole, of user: UserID, in event: EventID, on transaction: Transaction
    ) async throws -> (member: EventMember, before: MembershipRole?) {
        let results = try await transaction.pipeline([
            "SELECT role FROM event_members WHERE event_id = \(event) AND user_id = \(user) FOR UPDATE",
            """
            INSERT INTO event_members (event_id, user_id, role) VALUES (\(event), \(user), \(role))
            ON CONFLICT (event_id, user_id) DO UPDATE SET role = excluded.role WHERE event_members.role <> 'owner'
            """,
            "\(fragment: Self.selection) WHERE m.event_id = \(event) AND m.user_id = \(user)",
        ])
        guard let row = results[2].first else { throw DomainError.notFound }
        let member = try Self.member(row)
        if member.role == .owner { throw DomainError.ownerStays }
        return (member, try results[0].first?.decode("role"))
    }

    /// Offers a membership to an account whose email is not confirmed, effective with the confirmation; returns the
    /// pending member, and the role offered before.
    public func offer(
        _ role: MembershipRole, to user: UserID, in event: EventID, by sender: UserID, on transaction: Transaction
    ) async throws -> (member: EventMember, before: MembershipRole?) {
        let results = try await transaction.pipeline([
            "SELECT role FROM event_member_offers WHERE event_id = \(event) AND user_id = \(user) FOR UPDATE",
            """
            INSERT INTO event_member_offers (event_id, user_id, email, role, offered_by)
            SELECT \(event), id, email, \(role), \(sender) FROM users WHERE id = \(user)
            ON CONFLICT (event_id, user_id) DO UPDATE SET role = excluded.role, email = excluded.email,
                offered_by = excluded.offered_by
            """,
            "\(fragment: Self.offers) WHERE o.event_id = \(event) AND o.user_id = \(user)",
        ])
        guard let row = results[2].first else { throw DomainError.notFound }
        return (try Self.member(row), try results[0].first?.decode("role"))
    }

    /// Makes offers effective once the email they were made to is confirmed. Offers to another email of the person are
    /// void.
    public func takeUpOffers(of user: UserID, on transaction: Transaction) async throws {
        _ = try await transaction.pipeline([
            """
            INSERT INTO event_members (event_id, user_id, role)
            SELECT o.event_id, o.user_id, o.role FROM event_member_offers o JOIN users u ON u.id = o.user_id
            WHERE o.user_id = \(user) AND o.email = u.email
            ON CONFLICT (event_id, user_id) DO NOTHING
            """,
            "DELETE FROM event_member_offers WHERE user_id = \(user)",
        ])
    }

    public func withdrawOffers(by sender: UserID, on transaction: Transaction) async throws {
        _ = try await transaction.query("DELETE FROM event_member_offers WHERE offered_by = \(sender)")
    }

    /// Removes a member; returns the previous role, if any.
    /// - Throws: ``DomainError/ownerStays``.
    public func remove(
        _ user: UserID, from event: EventID, on transaction: Transaction
    ) async throws -> MembershipRole? {
        let results = try await transaction.pipeline([
            "SELECT role FROM event_members WHERE event_id = \(event) AND user_id = \(user) FOR UPDATE",
            "DELETE FROM event_members WHERE event_id = \(event) AND user_id = \(user) AND role <> 'owner'",
            "DELETE FROM event_member_offers WHERE event_id = \(event) AND user_id = \(user) RETURNING role",
        ])
        let before: MembershipRole? = try (results[0].first ?? results[2].first)?.decode("role")
        if before == .owner { throw DomainError.ownerStays }
        return before
    }

    private static let selection: SQL = """
        SELECT m.user_id, u.display_name, u.email, m.role, m.created_at, false AS is_pending
        FROM event_members m JOIN users u ON u.id = m.user_id
        """

    private static let offers: SQL = """
        SELECT o.user_id, u.display_name, o.email, o.role, o.created_at, true AS is_pending
        FROM event_member_offers o JOIN users u ON u.id = o.user_id
        """

    private static func member(_ row: Row) throws -> EventMember {
        EventMember(
            userID: try row.decode("user_id"), displayName: try row.decode("display_name"),
            email: try row.decode("email"), role: try row.decode("role"), since: try row.decode("created_at"),
            isPending: try row.decode("is_pending"))
    }
}
