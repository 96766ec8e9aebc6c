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

            #expect(try await mail.deliver(jobs[0]) == .done)
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
            #expect(try await mail.deliver(jobs[0]) == .done)
            #expect(try await mail.deliver(jobs[0]) == .done)
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
            try await withThrowingTaskGroup(of: Outcome.self) { group in
                for _ in 0..<8 { group.addTask { try await mail.deliver(job) } }
                for try await outcome in group { #expect(outcome == .done) }
            }
            _ = try mail.server.nextMail()
            #expect(throws: MailServer.Failure.self) { try mail.server.nextMail(within: .milliseconds(300)) }
        }
    }

    @Test("A database connection lost after the mail server's 250 does not send the mail twice")
    func connectionLostWhileSending() async throws {
        try await MailWorld.run { mail in
            let user = try await mail.person(at: "slow")
            try await mail.ticket(for: user, event: mail.world.event(of: mail.organizer, capacity: 5))
            let job = try #require(try await mail.planned(because: .ticketIssued).first)
            async let outcome = mail.deliver(job)
            // While the mail server takes its second, the transaction that waits for it is killed.
            var killed = 0
            let deadline = ContinuousClock.now + .seconds(5)
            while killed == 0, ContinuousClock.now < deadline {
                killed = try await mail.world.database.execute(
                    """
                    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                    WHERE datname = current_database() AND state = 'idle in transaction' AND pid <> pg_backend_pid()
                        AND state_change < now() - interval '200 milliseconds'
                    """
                ).count
            }
            #expect(killed == 1)
            #expect(try await outcome == .done)
            #expect(try await mail.notifications(of: user).map(\.status) == [.sent])
            #expect(try await mail.deliver(job) == .done)
            _ = try mail.server.nextMail()
            #expect(throws: MailServer.Failure.self) { try mail.server.nextMail(within: .milliseconds(300)) }
        }
    }

    @Test("A deferred mail is retried, says so, and ends as sent")
    func deferred() async throws {
        try await MailWorld.run { mail in
            let user = try await mail.person(at: "flaky")
            try await mail.ticket(for: user, event: mail.world.event(of: mail.organizer, capacity: 5))
            let job = try #require(try await mail.planned(because: .ticketIssued).first)
            #expect(try await mail.deliver(job) == .retry(reason: "mail-450"))
            let waiting = try #require(try await mail.notifications(of: user).first)
            #expect(waiting.status == .retrying && waiting.attempts == 1)
            #expect(waiting.lastError == "450 4.2.0 greylisted")
            let next = try #require(waiting.nextAttemptAt)
            #expect((3...6).contains(next.timeIntervalSinceNow))

            #expect(try await mail.deliver(job, attempt: 2) == .done)
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
            #expect(try await mail.deliver(job) == .done)
            #expect(try await mail.deliver(job) == .done)
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
            let last = RetryLadder.mail.maximumAttempts
            #expect(try await mail.deliver(job, attempt: last) == .retry(reason: "mail-450"))
            #expect(try await mail.notifications(of: user).map(\.status) == [.failed])
            #expect(try await mail.deliver(job) == .done)
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
            #expect(try await mail.deliver(confirmation) == .done)
            #expect(try await mail.deliver(cancellation) == .done)
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
