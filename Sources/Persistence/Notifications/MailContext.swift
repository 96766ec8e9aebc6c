public import Domain
public import FoundationEssentials
public import Postgres

/// Everything that an email is composed from, read at the time of sending.
public struct MailContext: Sendable {
    public var notification: Notification
    /// Empty if the email is not confirmed to be the person's.
    public var recipientName: String
    public var recipientEmail: String
    public var language = Language.english
    /// The person has turned these emails off.
    public var isMuted = false
    public var matter: Matter

    /// The subject matter of the email.
    public enum Matter: Sendable {
        case event(EventMatter)
        /// - Parameters:
        ///   - isVerified: whether the email is known to be the person's.
        ///   - isSignUp: whether sign-up caused the email.
        case account(isVerified: Bool, isSignUp: Bool)
        case subscription(SubscriptionMatter)
    }

    public struct SubscriptionMatter: Codable, Hashable, Sendable {
        public var name: String
        public var url: String
        /// Permanently, because the receiver requested it (410).
        public var isDisabled: Bool
        /// Since when nothing was delivered.
        public var since: Date

        public init(name: String, url: String, isDisabled: Bool, since: Date) {
            self.name = name
            self.url = url
            self.isDisabled = isDisabled
            self.since = since
        }
    }

    public struct EventMatter: Sendable {
        public var event: Event
        public var registration: Registration?
        public var ticket: Ticket?
        public var details: [UInt8]?
        /// For a transfer offer, whose recipient may have no account.
        public var transfer: TicketTransfer?
        public var settings = EventMailSettings()
        /// For an announcement.
        public var announcement: (title: String, body: String)?
        /// The reminder; nil for all other emails.
        public var reminder: Reminder?
        /// For a team email, the recipient's role; nil if they are no longer in the team.
        public var role: MembershipRole?
        /// How often the registration was transferred, up to the email's subject.
        public var transfers = 0
    }
}

extension NotificationStore {
    /// Maximum emails of one kind to one person within an hour, however often they are requested.
    public static let accountMailsAnHour = 5

    /// Plans an account email, with the job that sends it.
    ///
    /// Plans nothing for a nonexistent person, for a confirmation of an already confirmed email, for a duplicate cause,
    /// and beyond ``accountMailsAnHour``, so that no one can flood an inbox. Changes of the password or the email are
    /// always reported.
    public func planAccountMail(
        _ kind: NotificationKind, to user: UserID, isSignUp: Bool = false, cause: MessageID, now: Date,
        on transaction: Transaction
    ) async throws {
        let details = isSignUp ? Self.signUpDetails : nil
        let rows = try await transaction.query(
            """
            INSERT INTO notifications (id, user_id, cause_id, kind, details, created_at)
            SELECT \(NotificationID()), u.id, \(cause), \(kind), \(details)::jsonb, \(now) FROM users u
            WHERE u.id = \(user) AND u.deleted_at IS NULL
                AND NOT (\(kind) = \(NotificationKind.accountVerifyEmail) AND u.email_verified_at IS NOT NULL)
                AND (\(kind.isAlwaysTold) OR \(Self.accountMailsAnHour) > (
                    SELECT count(*) FROM notifications n
                    WHERE n.user_id = u.id AND n.kind = \(kind)
                        AND n.created_at > \(now)::timestamptz - interval '1 hour'))
            ON CONFLICT ON CONSTRAINT notifications_once DO NOTHING
            RETURNING id, user_id, event_id, kind, status
            """)
        let jobs = try rows.map { try OutboxEntry.work(.mailSend, event: nil, Self.data($0)) }
        try await OutboxStore().append(jobs, on: transaction)
    }

    /// The details of an account email caused by sign-up.
    private static let signUpDetails = #"{"isSignUp": true}"#

    /// The recipient: the person's email, except for the two emails about a change of it. Null if the request was
    /// withdrawn or completed meanwhile.
    private static let recipient: SQL = """
        CASE n.kind WHEN 'account.confirmEmail' THEN CASE WHEN c.confirmed_at IS NULL THEN c.new_email END
            WHEN 'account.emailChanging' THEN c.old_email ELSE u.email END
        """

    /// The domain of the recipient, in lower case; nil if the notification or its person is gone.
    public func recipientDomain(of id: NotificationID) async throws -> String? {
        try await database.read(
            """
            SELECT lower(substring(\(fragment: Self.recipient) FROM '[^@]*$')) AS domain
            FROM notifications n JOIN users u ON u.id = n.user_id LEFT JOIN email_changes c ON c.user_id = u.id
            WHERE n.id = \(id)
            """
        ).first?.decode("domain", as: String?.self)
    }

    /// Reads everything that an email needs; nil if the notification, its person or its event is gone.
    public func load(_ id: NotificationID) async throws -> MailContext? {
        let rows = try await database.read(
            """
            SELECT x.*, n.details, n.ticket_id, n.cause_id, u.display_name, \(fragment: Self.recipient) AS email,
                u.email_verified_at, u.language, (
                    SELECT count(*) FROM ticket_transfers t
                    WHERE t.registration_id = n.registration_id AND t.status = 'accepted'
                        AND (n.kind <> 'ticket.transferred' OR t.settled_at <= n.created_at)
                ) AS transfers, EXISTS (
                    SELECT FROM notification_preferences p WHERE p.user_id = u.id AND NOT p.mail AND p.topic =
                        CASE x.kind WHEN 'announcement' THEN 'announcements' WHEN 'event.reminder' THEN 'reminders' END
                ) AS is_muted
            FROM (\(fragment: Self.selection)) x JOIN notifications n ON n.id = x.id JOIN users u ON u.id = x.user_id
                LEFT JOIN email_changes c ON c.user_id = u.id
            WHERE x.id = \(id) AND u.deleted_at IS NULL
            """)
        guard let row = rows.first, let email = try row.decode("email", as: String?.self) else { return nil }
        let notification = try Self.notification(row)
        let matter: MailContext.Matter
        if notification.kind == .subscriptionPaused {
            guard let details = try row.decode("details", as: String?.self) else { return nil }
            matter = .subscription(try WireJSON.decode(MailContext.SubscriptionMatter.self, from: Array(details.utf8)))
        } else if notification.kind.isAboutAccount {
            // A new address belongs to no one before it is confirmed.
            let isVerified = try row.decode("email_verified_at", as: Date?.self) != nil
            matter = .account(
                isVerified: isVerified && notification.kind != .accountConfirmEmail,
                isSignUp: try row.decode("details", as: String?.self) != nil)
        } else if let found = try await eventMatter(notification, row) {
            matter = .event(found)
        } else {
            return nil
        }
        if case .event(let about) = matter, let transfer = about.transfer {
            return MailContext(
                notification: notification, recipientName: "", recipientEmail: transfer.recipientEmail,
                language: try row.decode("language"), matter: matter)
        }
        // Whoever typed an unconfirmed address could have put anything into the name, and the email may go to someone
        // else.
        let isProven = try row.decode("email_verified_at", as: Date?.self) != nil
        return MailContext(
            notification: notification, recipientName: isProven ? try row.decode("display_name") : "",
            recipientEmail: email, language: try row.decode("language"), isMuted: try row.decode("is_muted"),
            matter: matter)
    }

    private func transfer(_ details: [UInt8]?) async throws -> TicketTransfer? {
        let named = try details.map { try WireJSON.decode([String: String].self, from: $0) }
        guard let id = named?["transferId"].flatMap({ TransferID($0) }) else { return nil }
        return try await TransferStore(database).find(id)
    }

    private func eventMatter(_ notification: Notification, _ row: Row) async throws -> MailContext.EventMatter? {
        guard let eventID = notification.eventID else { return nil }
        // In parallel: one round trip for all of them.
        async let foundEvent = EventStore(database).find(eventID)
        async let foundPlace = place(notification.registrationID)
        async let foundTicket = ticket(try row.decode("ticket_id", as: TicketID?.self))
        async let foundSettings = MailSettingsStore(database).find(eventID)
        guard let event = try await foundEvent else { return nil }
        var matter = MailContext.EventMatter(event: event)
        matter.settings = try await foundSettings
        matter.transfers = try row.decode("transfers")
        matter.details = try row.decode("details", as: String?.self).map { Array($0.utf8) }
        if notification.kind == .ticketTransferOffered {
            guard let transfer = try await transfer(matter.details) else { return nil }
            // It identifies the transfer, not a change.
            (matter.transfer, matter.details) = (transfer, nil)
        }
        if notification.kind == .announcement {
            guard let found = try await announcement(AnnouncementID(row.decode("cause_id", as: MessageID.self).uuid))
            else { return nil }
            matter.announcement = found
        }
        if notification.kind == .eventReminder, let details = matter.details {
            matter.reminder = Reminder(try WireJSON.decode(ReminderDetails.self, from: details).reminder)
            matter.details = nil
        }
        if notification.kind == .memberAdded {
            matter.role = try await EventStore(database).membership(of: notification.userID, in: eventID)
        }
        let place = try await foundPlace
        matter.registration = place?.registration
        matter.ticket = try await foundTicket
        // Planned for everyone in advance, when tickets may still change: contains the one that is valid now.
        if notification.kind == .eventReminder, let ticket = place?.ticket, ticket.status == .valid {
            matter.ticket = ticket
        }
        return matter
    }

    private func announcement(_ id: AnnouncementID) async throws -> (title: String, body: String)? {
        try await database.read("SELECT title, body FROM announcements WHERE id = \(id)").first.map {
            (try $0.decode("title"), try $0.decode("body"))
        }
    }

    private func place(_ id: RegistrationID?) async throws -> RegistrationDetail? {
        guard let id else { return nil }
        return try await RegistrationStore(database).findStored(id)
    }

    private func ticket(_ id: TicketID?) async throws -> Ticket? {
        guard let id else { return nil }
        return try await TicketStore(database).find(id)?.ticket
    }
}
