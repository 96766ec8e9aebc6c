import Domain
import FoundationEssentials
import Messaging
import Persistence
import Postgres
import TestSupport
import Testing

@testable import notifications

@Suite struct SendEmailTests {
    @Test("A ticket issued becomes one mail with its QR code and its invitation, and a row that says sent")
    func confirmation() async throws {
        try await MailWorld.run { mail in
            let user = try await mail.person(at: "ann")
            try await mail.ticket(for: user, event: mail.world.event(of: mail.organizer, capacity: 5))
            let jobs = try await mail.planned(because: .ticketIssued)
            #expect(jobs.count == 1)
            #expect(try await mail.notifications(of: user).map(\.status) == [.queued])

            #expect(try await mail.deliver(jobs[0]) == .ack)
            let received = try mail.server.nextMail()
            #expect(received.recipients == ["ann@example.org"] && received.defects == [])
            #expect(received.root.shape == "mixed(alternative(plain,related(html,png),calendar),calendar)")
            #expect(received.headers["Subject"] == "Your ticket for Concert")
            let notification = try #require(try await mail.notifications(of: user).first)
            #expect(received.headers["Message-ID"] == "<\(notification.id)@example.com>")
            #expect(notification.kind == .registrationConfirmed && notification.status == .sent)
            #expect(notification.attempts == 1 && notification.sentAt != nil && notification.lastError == nil)
            // Browsers hear of it twice: queued, sent.
            #expect(try await mail.outbox(LiveType.notificationChanged.rawValue).count == 2)
        }
    }

    @Test("A message delivered again plans nothing and sends nothing")
    func redelivery() async throws {
        try await MailWorld.run { mail in
            let user = try await mail.person(at: "ann")
            try await mail.ticket(for: user, event: mail.world.event(of: mail.organizer, capacity: 5))
            _ = try await mail.planned(because: .ticketIssued)
            let jobs = try await mail.planned(because: .ticketIssued)
            #expect(jobs.count == 1)
            #expect(try await mail.deliver(jobs[0]) == .ack)
            #expect(try await mail.deliver(jobs[0]) == .ack)
            _ = try mail.server.nextMail()
            #expect(try await mail.notifications(of: user).map(\.attempts) == [1])
            #expect(throws: MailServer.Failure.self) { try mail.server.nextMail(within: .milliseconds(300)) }
        }
    }

    @Test("Eight workers with the same message in hand send one mail")
    func sideBySide() async throws {
        try await MailWorld.run { mail in
            let user = try await mail.person(at: "slow")
            try await mail.ticket(for: user, event: mail.world.event(of: mail.organizer, capacity: 5))
            let job = try #require(try await mail.planned(because: .ticketIssued).first)
            try await withThrowingTaskGroup(of: Disposition.self) { group in
                for _ in 0..<8 { group.addTask { try await mail.deliver(job) } }
                for try await outcome in group { #expect(outcome == .ack) }
            }
            _ = try mail.server.nextMail()
            #expect(throws: MailServer.Failure.self) { try mail.server.nextMail(within: .milliseconds(300)) }
        }
    }

    @Test(
        "A database that is away after the mail server's 250 does not have the mail sent twice, nor is a transaction held"
    )
    func databaseLostWhileSending() async throws {
        try await MailWorld.run { mail in
            let user = try await mail.person(at: "slow")
            try await mail.ticket(for: user, event: mail.world.event(of: mail.organizer, capacity: 5))
            let job = try #require(try await mail.planned(because: .ticketIssued).first)
            async let outcome = mail.deliver(job)
            // While the mail server takes its second, every connection of the worker's is cut.
            try await mail.until("the mail on its way") { try await mail.mailsUnderWay() == 1 }
            #expect(try await mail.transactionsHeld() == 0)
            try await mail.world.database.execute(
                """
                SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()
                """)
            #expect(try await outcome == .ack)
            #expect(try await mail.notifications(of: user).map(\.status) == [.sent])
            #expect(try await mail.deliver(job) == .ack)
            _ = try mail.server.nextMail()
            #expect(throws: MailServer.Failure.self) { try mail.server.nextMail(within: .milliseconds(300)) }
        }
    }

    @Test("A mail whose worker died is asked for again when its lease is over, and not before")
    func deadWorker() async throws {
        try await MailWorld.run { mail in
            let user = try await mail.person(at: "ann")
            try await mail.ticket(for: user, event: mail.world.event(of: mail.organizer, capacity: 5))
            let job = try #require(try await mail.planned(because: .ticketIssued).first)
            #expect(try await mail.lease(job) != nil)
            // It comes back to the queue at once, while for all that is known somebody is sending it.
            #expect(try await mail.deliver(job) == .ack)
            #expect(try await mail.notifications(of: user).map(\.status) == [.queued])
            let soon = Date() + NotificationStore.leaseSeconds + 1
            for (time, count) in [(Date(), 0), (soon, 1), (soon, 0)] {
                let asked = try await mail.world.database.transaction { transaction in
                    try await NotificationStore(mail.world.database).askForDue(now: time, limit: 100, on: transaction)
                }
                #expect(asked == count)
            }
            #expect(try await mail.deliver(try #require(try await mail.outbox("mail.send").last)) == .ack)
            #expect(try await mail.notifications(of: user).map(\.status) == [.sent])
            _ = try mail.server.nextMail()
        }
    }

    @Test("What was taken or not, nobody knows, is tried few times in a day; and however often it is asked for, once")
    func unknownOutcome() async throws {
        try await MailWorld.run { mail in
            let user = try await mail.person(at: "drop")
            try await mail.ticket(for: user, event: mail.world.event(of: mail.organizer, capacity: 5))
            let job = try #require(try await mail.planned(because: .ticketIssued).first)
            #expect(try await mail.deliver(job) == .ack)
            var waits: [Double] = []
            while let waiting = try await mail.notifications(of: user).first, waiting.status == .retrying {
                waits.append(try #require(waiting.nextAttemptAt).timeIntervalSinceNow)
                // A broker that lost its queues, or an operator's `reconcile`: another message, before its time.
                let attempts = waiting.attempts
                let twin = CloudEvent(
                    id: MessageID(), type: job.type, subject: job.subject, time: job.time, sequence: nil,
                    traceparent: nil,
                    data: job.data)
                #expect(try await mail.deliver(twin) == .ack)
                #expect(try await mail.notifications(of: user).first?.attempts == attempts)
                let asked = try await mail.askedAgain()
                #expect(asked.count == 1)
                let isLast = waits.count == 3
                #expect(try await mail.deliver(asked[0]) == (isLast ? .park(reason: "mail-354") : .ack))
            }
            #expect(waits.count == 3 && waits == waits.sorted() && waits[0] > 600 && waits.reduce(0, +) > 12 * 3600)
            #expect(try await mail.notifications(of: user).map(\.status) == [.failed])
            #expect(try await mail.notifications(of: user).map(\.attempts) == [4])
        }
    }

    @Test(
        "When the mail server refuses us, no mail fails: sending pauses and says why, one mail at a time tries, and all go on",
        arguments: ["mail", "relay", "auth", "helo"])
    func refusesUs(how: String) async throws {
        try await MailWorld.run { mail in
            let event = try await mail.world.event(of: mail.organizer, capacity: 5)
            let ann = try await mail.person(at: "ann"), bob = try await mail.person(at: "bob")
            try await mail.ticket(for: ann, event: event)
            try await mail.ticket(for: bob, event: event)
            let jobs = try await mail.planned(because: .ticketIssued)
            try await mail.tell("refuse-us-\(how)")
            let deliveries = DeliveryStore(mail.world.database)
            #expect(try await mail.deliver(jobs[0]) == .ack)
            #expect(try await mail.notifications(of: ann).map(\.status) == [.retrying])
            let state = try await deliveries.sending()
            #expect(state.pausedAt != nil && state.pausedBy == nil && state.reason?.hasPrefix("5") == true)
            #expect(mail.send.pause.isProbing)
            #expect(try await deliveries.orders() == .probe)
            // Nobody's turn before the probe's.
            #expect(try await !deliveries.takeProbe(now: Date(), next: Date() + 60))
            let later = Date() + 60
            #expect(try await deliveries.takeProbe(now: later, next: later + 60))
            #expect(try await !deliveries.takeProbe(now: later, next: later + 60))
            mail.send.pause.letOneThrough()
            #expect(try await mail.deliver(jobs[1]) == .ack)
            #expect(try await deliveries.orders() == .probe)
            #expect(try await mail.notifications(of: bob).map(\.status) == [.retrying])

            try await mail.tell("take-us")
            let again = try await mail.askedAgain()
            #expect(again.count == 2)
            mail.send.pause.letOneThrough()
            #expect(try await mail.deliver(again[0]) == .ack)
            #expect(try await deliveries.orders() == .send)
            #expect(!mail.send.pause.isPaused)
            #expect(try await mail.deliver(again[1]) == .ack)
            for user in [ann, bob] { #expect(try await mail.notifications(of: user).map(\.status) == [.sent]) }
        }
    }

    @Test("A mail that is refused as if it were about us, while others go through, harms only itself")
    func refusedAlone() async throws {
        try await MailWorld.run { mail in
            let event = try await mail.world.event(of: mail.organizer, capacity: 5)
            let alone = try await mail.person(at: "blocked"), ann = try await mail.person(at: "ann")
            try await mail.ticket(for: alone, event: event)
            try await mail.ticket(for: ann, event: event)
            let jobs = try await mail.planned(because: .ticketIssued)
            #expect(try await mail.deliver(jobs[0]) == .ack)
            #expect(mail.send.pause.isProbing)
            mail.send.pause.letOneThrough()
            #expect(try await mail.deliver(jobs[1]) == .ack)
            #expect(!mail.send.pause.isPaused)
            #expect(try await mail.deliver(try #require(try await mail.askedAgain().first)) == .ack)
            #expect(!mail.send.pause.isPaused)
            #expect(try await DeliveryStore(mail.world.database).orders() == .send)
            #expect(try await mail.notifications(of: alone).map(\.status) == [.retrying])
        }
    }

    @Test("A deferred mail is retried, says so, and ends as sent")
    func deferred() async throws {
        try await MailWorld.run { mail in
            let user = try await mail.person(at: "flaky")
            try await mail.ticket(for: user, event: mail.world.event(of: mail.organizer, capacity: 5))
            let job = try #require(try await mail.planned(because: .ticketIssued).first)
            #expect(try await mail.deliver(job) == .ack)
            let waiting = try #require(try await mail.notifications(of: user).first)
            #expect(waiting.status == .retrying && waiting.attempts == 1)
            #expect(waiting.lastError == "450 4.2.0 greylisted")
            let next = try #require(waiting.nextAttemptAt)
            #expect((3...6).contains(next.timeIntervalSinceNow))

            #expect(try await mail.deliver(try #require(try await mail.askedAgain().first)) == .ack)
            let sent = try #require(try await mail.notifications(of: user).first)
            #expect(sent.status == .sent && sent.attempts == 2 && sent.nextAttemptAt == nil && sent.lastError == nil)
            #expect(try mail.server.nextMail().headers["Message-ID"] == "<\(sent.id)@example.com>")
        }
    }

    @Test("A refused mail has failed for good, and the world is told")
    func refused() async throws {
        try await MailWorld.run { mail in
            let user = try await mail.person(at: "refuse")
            try await mail.ticket(for: user, event: mail.world.event(of: mail.organizer, capacity: 5))
            let job = try #require(try await mail.planned(because: .ticketIssued).first)
            #expect(try await mail.deliver(job) == .ack)
            #expect(try await mail.deliver(job) == .ack)
            let failed = try #require(try await mail.notifications(of: user).first)
            #expect(failed.status == .failed && failed.attempts == 1)
            #expect(failed.lastError == "550 5.1.1 no such mailbox")
            #expect(try await mail.outbox(MessageType.notificationFailed.rawValue).count == 1)
        }
    }

    @Test("A mail out of attempts has failed and is parked; replayed, it can still be sent")
    func exhausted() async throws {
        try await MailWorld.run { mail in
            let user = try await mail.person(at: "flaky")
            try await mail.ticket(for: user, event: mail.world.event(of: mail.organizer, capacity: 5))
            let job = try #require(try await mail.planned(because: .ticketIssued).first)
            try await mail.world.owner.execute(
                "UPDATE notifications SET tries = \(RetryLadder.mail.maximumAttempts - 1)")
            #expect(try await mail.deliver(job) == .park(reason: "mail-450"))
            #expect(try await mail.notifications(of: user).map(\.status) == [.failed])
            #expect(try await mail.deliver(job) == .ack)
            #expect(try await mail.notifications(of: user).map(\.status) == [.sent])
            _ = try mail.server.nextMail()
        }
    }

    @Test("A ticket mail overtaken by the cancellation is not sent, and the cancellation is")
    func overtaken() async throws {
        try await MailWorld.run { mail in
            let user = try await mail.person(at: "ann")
            let event = try await mail.world.event(of: mail.organizer, capacity: 5)
            let registration = try await mail.ticket(for: user, event: event)
            let confirmation = try #require(try await mail.planned(because: .ticketIssued).first)
            _ = try await mail.world.cancel(registration.id, of: registration.eventID)
            let cancellation = try #require(try await mail.planned(because: .registrationCancelled).last)
            #expect(try await mail.deliver(confirmation) == .ack)
            #expect(try await mail.deliver(cancellation) == .ack)
            let received = try mail.server.nextMail()
            #expect(received.headers["Subject"] == "Registration cancelled: Concert")
            #expect(received.root.children?[0].children?.last?.params["method"] == "CANCEL")
            let rows = try await mail.notifications(of: user)
            #expect(rows.map(\.kind) == [.registrationCancelled, .registrationConfirmed])
            #expect(rows.map(\.status) == [.sent, .failed])
            // No delivery failed: nobody else hears of it.
            #expect(try await mail.outbox(MessageType.notificationFailed.rawValue).isEmpty)
        }
    }
}
