import AMQP
import Bootstrap
import Domain
import FoundationEssentials
import Logging
import Messaging
import Persistence
import Postgres
import SMTP
import TestSupport
import Testing

@testable import notifications

/// A database of its own, a mail server of its own, and the two handlers between them.
struct MailWorld {
    let world: TestWorld
    let server: MailServer
    let plan: PlanNotifications
    let send: SendEmail
    let organizer: User

    static func run(_ test: (MailWorld) async throws -> Void) async throws {
        try await TestWorld.run { world in try await test(MailWorld(world)) }
    }

    private init(_ world: TestWorld) async throws {
        self.world = world
        server = try MailServer()
        plan = PlanNotifications(database: world.database)
        let composer = try MailComposer(
            from: MailAddress("EM-Connect <events@example.com>"), site: PublicURL("http://localhost:8080"))
        let sender = MailSender(
            try SMTPAddress(url: "smtp://127.0.0.1:\(server.port)"), threads: 4, logger: world.logger)
        send = SendEmail(
            database: world.database, composer: composer, sender: sender,
            destinations: DestinationLimiter(.init(connections: 8)),
            ladder: .mail,
            logger: world.logger)
        organizer = try await world.person("Olga", role: .organizer)
    }

    /// A person whose address makes the mail server behave as `MailServer` says.
    func person(at address: String) async throws -> User { try await person(address: "\(address)@example.org") }

    func person(address: String) async throws -> User {
        try await world.database.transaction { transaction in
            try await world.users.insert(
                id: UserID(), email: address, displayName: "Ann Example", passwordHash: "-",
                role: .user, on: transaction)
        }
    }

    /// Registers somebody and issues the ticket, as ticket-worker does.
    @discardableResult
    func ticket(for user: User, event: EventID) async throws -> Registration {
        let registration = try await world.register(user, for: event)
        try await issueTicket(for: registration)
        return registration
    }

    func issueTicket(for registration: Registration) async throws {
        var generator = SystemRandomNumberGenerator()
        let ticket = Ticket(
            id: TicketID(), eventID: registration.eventID, registrationID: registration.id, userID: registration.userID,
            code: TicketCode(using: &generator).description, qrText: "EM1:" + String(repeating: "ABCDEFG2", count: 22),
            status: .valid, issuedAt: Date(), revokedAt: nil, checkedInAt: nil)
        let refused = try await world.database.transaction { transaction in
            try await world.tickets.insert([.init(ticket, number: 1, owner: organizer.id)], on: transaction)
        }
        #expect(refused.isEmpty)
    }

    /// What stands in the outbox under a type, oldest first: what the relay would publish.
    func outbox(_ type: String) async throws -> [CloudEvent] {
        try await world.database.read(
            "SELECT message_id, event_id, occurred_at, traceparent, data FROM outbox WHERE type = \(type) ORDER BY id"
        ).map { row in
            CloudEvent(
                id: try row.decode("message_id"), type: type,
                subject: try row.decode("event_id", as: EventID?.self)?.description,
                time: try row.decode("occurred_at"),
                sequence: nil, traceparent: try row.decode("traceparent"),
                data: Array(try row.decode("data", as: String.self).utf8))
        }
    }

    /// Plans because of every message of a type, as the worker would, and answers the jobs there are now.
    func planned(because type: MessageType) async throws -> [CloudEvent] {
        for message in try await outbox(type.rawValue) { try await plan.handle(message) }
        return try await outbox(WorkType.mailSend.rawValue)
    }

    /// Plans mailings to their end, in steps of so many people, and answers the jobs there are now.
    func mailingsPlanned(step: Int = 500) async throws -> [CloudEvent] {
        var planner = PlanMailing(database: world.database)
        planner.step = step
        var handled = 0
        while true {
            let steps = try await outbox(WorkType.mailingPlan.rawValue)
            if steps.count == handled { break }
            for message in steps[handled...] { try await planner.handle(message) }
            handled = steps.count
        }
        return try await outbox(WorkType.bulkMailSend.rawValue)
    }

    /// Announces something.
    func announce(
        _ title: String = "Doors at six", in event: EventID, to audience: Audience = .all, at time: Date? = nil,
        now: Date = Date()
    ) async throws -> MailingID {
        let id = AnnouncementID()
        try await world.database.transaction { transaction in
            _ = try await AnnouncementStore(world.database).post(
                id, to: event, by: organizer.id, title: title, body: "Come early.\n\nThe queue is long.",
                audience: audience, at: time, now: now, on: transaction)
        }
        return MailingID(id.uuid)
    }

    /// Registers so many people for an event by SQL, a millisecond after each other; their places are not counted.
    func crowd(
        _ number: Int, in event: EventID, at host: String = "example.org", status: RegistrationStatus = .confirmed
    ) async throws {
        let (people, places) = ((0..<number).map { _ in UserID() }, (0..<number).map { _ in RegistrationID() })
        try await world.database.execute(
            """
            WITH people AS (
                INSERT INTO users (id, email, display_name, password_hash)
                SELECT id, id || \("@\(host)"), 'Guest', '-' FROM unnest(\(people)::uuid[]) AS id
            )
            INSERT INTO registrations
                (id, event_id, user_id, holder_name, status, created_at, confirmed_at, line_number)
            SELECT place, \(event), person, 'Guest', \(status), now() - interval '1 hour' + number * interval '1 millisecond',
                CASE \(status)::text WHEN 'confirmed' THEN now() END, CASE \(status)::text WHEN 'waitlisted' THEN number END
            FROM unnest(\(people)::uuid[], \(places)::uuid[]) WITH ORDINALITY AS guest (person, place, number)
            """)
    }

    func deliver(_ job: CloudEvent, attempt: Int = 1) async throws -> Disposition {
        try await send.handle(
            ReceivedMessage(event: job, attempt: attempt, firstSeen: Date(), redelivered: false))
    }

    /// Has the time of everything that waits for another attempt come, and answers the jobs that were made therefore.
    func askedAgain() async throws -> [CloudEvent] {
        let before = try await outbox(WorkType.mailSend.rawValue).count
        try await world.owner.execute(
            "UPDATE notifications SET ask_at = now(), next_attempt_at = now() WHERE status = 'retrying'")
        try await world.database.transaction { transaction in
            _ = try await NotificationStore(world.database).askForDue(now: Date(), limit: 100, on: transaction)
        }
        return Array(try await outbox(WorkType.mailSend.rawValue).dropFirst(before))
    }

    /// What is deliverable now of a person's mail, from its own lease on.
    func lease(_ job: CloudEvent) async throws -> MailLease? {
        try await NotificationStore(world.database).lease(
            try job.payload(NotificationData.self).notificationId, because: job.id, consumer: SendEmail.consumer,
            now: Date())
    }

    /// A person's notifications, newest first.
    func notifications(of user: User) async throws -> [Persistence.Notification] {
        try await NotificationStore(world.database).list(of: user.id, after: nil, limit: 100).items.map(\.notification)
    }
}
