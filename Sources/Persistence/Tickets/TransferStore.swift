public import Domain
public import FoundationEssentials
public import Postgres

public struct TicketTransfer: Sendable {
    public enum Status: String, Sendable {
        case offered, accepted, cancelled
    }

    public var id: TransferID
    public var ticketID: TicketID
    public var registrationID: RegistrationID
    public var eventID: EventID
    public var fromUserID: UserID
    public var toUserID: UserID?
    /// The holder's name.
    public var fromName: String
    public var recipientEmail: String
    public var status: Status
    public var createdAt: Date
    public var expiresAt: Date
}

extension TicketTransfer.Status: PostgresEncodable, PostgresDecodable {}

/// Transfers of tickets: offered by the holder to an address, accepted by whoever has the emailed link.
public struct TransferStore: Sendable {
    /// How long an offer is valid, unless the event ends before.
    public static let lifetime: TimeInterval = 7 * 86_400
    /// Offers per person and day: each is an email to an address that they name, in their name.
    public static let aDay = 20

    let database: Database
    private let tickets: TicketStore
    private let notifications: NotificationStore

    public init(_ database: Database) {
        self.database = database
        tickets = TicketStore(database)
        notifications = NotificationStore(database)
    }

    /// Offers a ticket, with the email about it. An existing offer to the same address is returned; one to another
    /// address is withdrawn.
    /// - Parameter email: lower-case.
    /// - Throws: ``DomainError``: notFound, alreadyCancelled (also for a revoked ticket), eventCancelled, eventEnded,
    ///   alreadyCheckedIn, tooManyTransfers.
    public func offer(
        _ ticket: TicketID, to email: String, now: Date, on transaction: Transaction
    ) async throws -> TicketTransfer {
        let held = try await tickets.hold(ticket, now: now, on: transaction)
        if held.isCheckedIn { throw DomainError.alreadyCheckedIn }
        if held.status == .revoked { throw DomainError.alreadyCancelled }
        if let open = try await open(of: ticket, on: transaction) {
            if open.recipientEmail == email, open.expiresAt > now { return open }
            _ = try await withdraw(ticket, now: now, on: transaction)
        }
        let id = TransferID()
        let data = held.data
        guard try await count(by: data.userId, since: now.addingTimeInterval(-86_400), on: transaction) < Self.aDay
        else {
            throw DomainError.tooManyTransfers
        }
        _ = try await transaction.pipeline([
            """
            INSERT INTO ticket_transfers
                (id, ticket_id, registration_id, event_id, from_user_id, recipient_email, created_at, expires_at)
            VALUES (\(id), \(ticket), \(data.registrationId), \(data.eventId), \(data.userId), \(email), \(now),
                \(min(now.addingTimeInterval(Self.lifetime), held.eventEndsAt)))
            """,
            try AuditStore.insertion(
                "ticket.transfer-offered", by: data.userId, subject: ticket.uuid, event: data.eventId,
                AuditContent(about: ["transferId": "\(id)"]), trace: .current),
        ])
        let mail = PlannedNotification(
            userID: data.userId, eventID: data.eventId, registrationID: data.registrationId, ticketID: ticket,
            kind: .ticketTransferOffered, details: try WireJSON.encode(["transferId": "\(id)"]))
        try await notifications.plan([mail], cause: MessageID(), on: transaction)
        guard let offered = try await open(of: ticket, on: transaction) else { throw DomainError.notFound }
        return offered
    }

    /// Withdraws the holder's offer; returns whether there was one.
    public func withdraw(_ ticket: TicketID, now: Date, on transaction: Transaction) async throws -> Bool {
        try await transaction.query(
            """
            UPDATE ticket_transfers SET status = 'cancelled', settled_at = \(now)
            WHERE ticket_id = \(ticket) AND status = 'offered'
            """
        ).affectedRows > 0
    }

    /// Withdraws all offers of a person.
    public func withdrawAll(of user: UserID, now: Date, on transaction: Transaction) async throws {
        _ = try await transaction.query(
            """
            UPDATE ticket_transfers SET status = 'cancelled', settled_at = \(now)
            WHERE from_user_id = \(user) AND status = 'offered'
            """)
    }

    private func count(by user: UserID, since: Date, on transaction: Transaction) async throws -> Int {
        try await transaction.query(
            """
            SELECT count(*) AS count FROM ticket_transfers WHERE from_user_id = \(user) AND created_at > \(since)
            """
        ).first?.decode("count") ?? 0
    }

    private func open(of ticket: TicketID, on transaction: Transaction) async throws -> TicketTransfer? {
        try await transaction.query(
            "\(fragment: Self.selection) WHERE x.ticket_id = \(ticket) AND x.status = 'offered'"
        ).first.map(Self.transfer)
    }

    /// A ticket's offer that can still be accepted.
    public func openOffer(of ticket: TicketID, now: Date) async throws -> TicketTransfer? {
        try await database.read(
            """
            \(fragment: Self.selection)
            WHERE x.ticket_id = \(ticket) AND x.status = 'offered' AND x.expires_at > \(now)
            """
        ).first.map(Self.transfer)
    }

    public func find(_ id: TransferID) async throws -> TicketTransfer? {
        try await database.read("\(fragment: Self.selection) WHERE x.id = \(id)").first.map(Self.transfer)
    }

    // MARK: Accepting

    /// Stores the link of one email, committed on return: see ``AccountLinkStore/create(_:of:for:now:)``.
    public func createLink(_ tokenHash: [UInt8], to transfer: TransferID, now: Date) async throws {
        try await database.execute(
            "INSERT INTO transfer_links (token_hash, transfer_id, created_at) VALUES (\(tokenHash), \(transfer), \(now))"
        )
    }

    /// The transfer that a link is for; nil for an unknown one.
    public func find(link tokenHash: [UInt8]) async throws -> TicketTransfer? {
        try await database.read(
            """
            \(fragment: Self.selection) JOIN transfer_links l ON l.transfer_id = x.id
            WHERE l.token_hash = \(tokenHash)
            """
        ).first.map(Self.transfer)
    }

    /// Moves the registration to its new holder: the old ticket is revoked, a new one is requested, both people are
    /// notified. Idempotent for the same person.
    ///
    /// It takes and frees no spot, but changes who has one: the event's capacity row is locked, so that the same person
    /// can't register concurrently.
    /// - Throws: ``DomainError``: linkInvalid, alreadyRegistered, alreadyCheckedIn, alreadyCancelled, eventCancelled,
    ///   eventEnded.
    public func accept(
        _ transfer: TicketTransfer, by user: UserID, now: Date, on transaction: Transaction
    ) async throws -> RegistrationID {
        try await RegistrationStore(database).lockPlaces(of: transfer.eventID, on: transaction)
        let held = try await tickets.hold(transfer.ticketID, now: now, on: transaction)
        let rows = try await transaction.pipeline([
            "\(fragment: Self.selection) WHERE x.id = \(transfer.id)",
            """
            SELECT 1 FROM registrations
            WHERE event_id = \(transfer.eventID) AND user_id = \(user) AND status <> 'cancelled'
            """,
        ])
        guard let current = try rows[0].first.map(Self.transfer) else { throw DomainError.linkInvalid }
        if current.status == .accepted, current.toUserID == user { return current.registrationID }
        guard current.status == .offered, current.expiresAt > now, held.status == .valid else {
            throw DomainError.linkInvalid
        }
        if held.isCheckedIn { throw DomainError.alreadyCheckedIn }
        guard rows[1].isEmpty else { throw DomainError.alreadyRegistered }
        try await move(held, current, to: user, now: now, on: transaction)
        return current.registrationID
    }

    private func move(
        _ held: TicketStore.Held, _ transfer: TicketTransfer, to user: UserID, now: Date, on transaction: Transaction
    ) async throws {
        let data = TransferData(
            eventId: transfer.eventID, registrationId: transfer.registrationID, ticketId: transfer.ticketID,
            userId: user, fromUserId: transfer.fromUserID)
        let (statements, news) = try TicketStore.replacement(of: held, now: now)
        let moved: [SQL] = [
            """
            UPDATE ticket_transfers SET status = 'accepted', to_user_id = \(user), settled_at = \(now)
            WHERE id = \(transfer.id)
            """,
            "UPDATE registrations SET user_id = \(user) WHERE id = \(transfer.registrationID)",
            try AuditStore.insertion(
                "ticket.transferred", by: user, subject: transfer.ticketID.uuid, event: transfer.eventID,
                AuditContent(
                    before: ["userId": "\(transfer.fromUserID)"], after: ["userId": "\(user)"],
                    about: ["transferId": "\(transfer.id)"]), trace: .current),
        ]
        let told = try OutboxEntry.fact(
            .registrationTransferred, event: transfer.eventID, owner: held.owner, data)
        _ = try await transaction.pipeline(moved + statements + OutboxStore.insertions([told] + news))
        let mail = PlannedNotification(
            userID: transfer.fromUserID, eventID: transfer.eventID, registrationID: transfer.registrationID,
            ticketID: nil, kind: .ticketTransferred)
        try await notifications.plan([mail], cause: told.id, on: transaction)
    }

    private static let selection: SQL = """
        SELECT x.id, x.ticket_id, x.registration_id, x.event_id, x.from_user_id, x.to_user_id, u.display_name,
            x.recipient_email, x.status, x.created_at, x.expires_at
        FROM ticket_transfers x JOIN users u ON u.id = x.from_user_id
        """

    private static func transfer(_ row: Row) throws -> TicketTransfer {
        TicketTransfer(
            id: try row.decode("id"), ticketID: try row.decode("ticket_id"),
            registrationID: try row.decode("registration_id"), eventID: try row.decode("event_id"),
            fromUserID: try row.decode("from_user_id"), toUserID: try row.decode("to_user_id"),
            fromName: try row.decode("display_name"), recipientEmail: try row.decode("recipient_email"),
            status: try row.decode("status"), createdAt: try row.decode("created_at"),
            expiresAt: try row.decode("expires_at"))
    }
}
