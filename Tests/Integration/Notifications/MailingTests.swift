import Domain
import FoundationEssentials
import Logging
import Messaging
import Persistence
import Postgres
import TestSupport
import Testing

@testable import notifications

@Suite struct MailingTests {
    @Test(
        "An announcement is planned step by step, once for everybody who was there when it was made, and nobody later")
    func steps() async throws {
        try await MailWorld.run { mail in
            let event = try await mail.world.event(of: mail.organizer, capacity: 100)
            try await mail.crowd(23, in: event)
            let id = try await mail.announce(in: event)
            try await mail.ticket(for: mail.person(at: "late"), event: event)
            #expect(try await mail.mailingsPlanned(step: 5).count == 23)
            // Twenty-three by five: the last step finds three. Each of them again plans nothing.
            let steps = try await mail.outbox(WorkType.mailingPlan.rawValue)
            #expect(steps.count == 5)
            for step in steps { try await PlanMailing(database: mail.world.database).handle(step) }
            #expect(try await mail.mailingsPlanned().count == 23)
            let found = try #require(try await MailingStore(mail.world.database).find(id, of: event))
            #expect(found.progress.recipients == 23 && found.progress.queued == 23 && found.progress.status == .sending)
        }
    }

    @Test(
        "It goes to those whom it is for",
        arguments: [(Audience.all, 5), (.confirmed, 3), (.waitlisted, 2), (.checkedIn, 1)])
    func audience(_ audience: Audience, _ number: Int) async throws {
        try await MailWorld.run { mail in
            let event = try await mail.world.event(of: mail.organizer, capacity: 100)
            try await mail.crowd(3, in: event)
            try await mail.crowd(2, in: event, status: .waitlisted)
            try await mail.crowd(1, in: event, status: .cancelled)
            try await mail.checkInOne(of: event)
            _ = try await mail.announce(in: event, to: audience)
            #expect(try await mail.mailingsPlanned(step: 2).count == number)
            let told = try await AnnouncementStore(mail.world.database).list(of: event, after: nil, limit: 10).items
            #expect(told.count == (audience == .all ? 1 : 0))
        }
    }

    @Test("A step that dies before its commit is done again by whoever gets its message, and nobody is planned twice")
    func death() async throws {
        try await MailWorld.run { mail in
            let event = try await mail.world.event(of: mail.organizer, capacity: 100)
            try await mail.crowd(12, in: event)
            _ = try await mail.announce(in: event)
            let first = try #require(try await mail.outbox(WorkType.mailingPlan.rawValue).first)
            await #expect(throws: Death.self) {
                try await mail.world.database.transaction { transaction in
                    _ = try await InboxStore().record(first.id, consumer: PlanMailing.consumer, on: transaction)
                    let asked = try first.payload(MailingData.self)
                    try await MailingStore(mail.world.database).planStep(
                        of: asked.mailingId, limit: 5, on: transaction)
                    throw Death()
                }
            }
            #expect(try await mail.outbox(WorkType.bulkMailSend.rawValue).isEmpty)
            #expect(try await mail.mailingsPlanned(step: 5).count == 12)
        }
    }

    @Test(
        "What is scheduled begins at its time and not before, once, to those registered by then; what was taken back never"
    )
    func scheduled() async throws {
        try await MailWorld.run { mail in
            let now = Date()
            let event = try await mail.world.event(of: mail.organizer, capacity: 100)
            try await mail.crowd(2, in: event)
            let id = try await mail.announce(in: event, at: now + 3600, now: now)
            let other = try await mail.announce("Never mind", in: event, at: now + 3600, now: now)
            let store = AnnouncementStore(mail.world.database)
            try await mail.world.database.transaction { transaction in
                for isNew in [true, false] {
                    let taken = try await store.cancel(AnnouncementID(other.uuid), of: event, on: transaction)
                    #expect(taken.isNew == isNew)
                }
            }
            var clock = MailingClock(database: mail.world.database, logger: mail.world.logger)
            clock.clock = { now + 3599 }
            try await clock.tick()
            #expect(try await mail.mailingsPlanned().isEmpty)
            #expect(try await store.list(of: event, after: nil, limit: 10).items.isEmpty)

            try await mail.crowd(1, in: event)
            clock.clock = { now + 3601 }
            for _ in 0..<2 { try await clock.tick() }
            #expect(try await mail.mailingsPlanned().count == 3)
            #expect(try await store.list(of: event, after: nil, limit: 10).items.map(\.id.uuid) == [id.uuid])
            #expect(try await mail.outbox(MessageType.announcementPosted.rawValue).count == 1)
            await #expect(throws: DomainError.alreadyPosted) {
                try await mail.world.database.transaction { transaction in
                    _ = try await store.cancel(AnnouncementID(id.uuid), of: event, on: transaction)
                }
            }
        }
    }

    @Test("What is scheduled for an event that is called off is taken back")
    func calledOff() async throws {
        try await MailWorld.run { mail in
            let now = Date()
            let event = try await mail.world.event(of: mail.organizer, capacity: 100)
            let id = try await mail.announce(in: event, at: now + 3600, now: now)
            _ = try await mail.world.database.transaction { transaction in
                try await mail.world.registrations.cancelEvent(event, now: now, on: transaction)
            }
            var clock = MailingClock(database: mail.world.database, logger: mail.world.logger)
            clock.clock = { now + 3601 }
            try await clock.tick()
            let found = try #require(try await MailingStore(mail.world.database).find(id, of: event))
            #expect(found.progress.status == .cancelled && found.announcement?.status == .cancelled)
        }
    }

    @Test(
        "The mail of an announcement has its words, for everybody who is still there; the mailing is done when all are")
    func words() async throws {
        try await MailWorld.run { mail in
            let event = try await mail.world.event(of: mail.organizer, capacity: 100)
            let (ann, gone) = (try await mail.person(at: "ann"), try await mail.person(at: "cleo"))
            try await mail.ticket(for: ann, event: event)
            let left = try await mail.ticket(for: gone, event: event)
            let id = try await mail.announce("Doors <at> six", in: event)
            let jobs = try await mail.mailingsPlanned()
            _ = try await mail.world.cancel(left.id, of: event)
            for job in jobs { #expect(try await mail.deliver(job) == .ack) }
            let received = try mail.server.nextMail()
            #expect(received.headers["Subject"] == "Concert: Doors <at> six" && received.defects.isEmpty)
            #expect(received.root.shape == "mixed(alternative(plain,html))")
            let texts = try #require(received.root.children?.first?.children).compactMap(\.text)
            #expect(texts[0].contains("Come early.\r\n\r\nThe queue is long."))
            #expect(texts[1].contains("Doors &lt;at&gt; six"))
            #expect(throws: MailServer.Failure.self) { try mail.server.nextMail(within: .milliseconds(200)) }

            try await MailingClock(database: mail.world.database, logger: mail.world.logger).tick()
            let found = try #require(try await MailingStore(mail.world.database).find(id, of: event))
            #expect(found.progress.status == .done && found.doneAt != nil)
            #expect(found.progress.sent == 1 && found.progress.failed == 1 && found.progress.recipients == 2)
        }
    }
}

private struct Death: Error {}

extension MailWorld {
    /// Lets in one of those who have a place.
    fileprivate func checkInOne(of event: EventID) async throws {
        let place = try await world.database.read(
            "SELECT id, user_id FROM registrations WHERE event_id = \(event) AND status = 'confirmed' LIMIT 1")
        let row = try #require(place.first)
        let (registration, user) = (
            try row.decode("id", as: RegistrationID.self), try row.decode("user_id", as: UserID.self)
        )
        let ticket = TicketID()
        try await world.database.execute(
            """
            INSERT INTO tickets (id, registration_id, event_id, user_id, code, qr_text)
            VALUES (\(ticket), \(registration), \(event), \(user), \("\(ticket)"), 'x')
            """)
        try await world.database.execute(
            """
            INSERT INTO check_ins (id, ticket_id, event_id, registration_id, by_user_id)
            VALUES (\(CheckInID()), \(ticket), \(event), \(registration), \(organizer.id))
            """)
    }
}
