import Domain
import FoundationEssentials
import Messaging
import Persistence
import Postgres
import TestSupport
import Testing

@testable import notifications

@Suite struct DeliveryTests {
    @Test(
        "Each person's timeline ends true, whatever the mail server does",
        arguments: [
            ("ann", ["mailAccepted"]), ("flaky", ["mailDeferred", "mailAccepted"]), ("refuse", ["mailFailed"]),
            ("defer", ["mailDeferred", "mailFailed"]), ("drop", ["mailDeferred", "mailFailed"]),
        ])
    func timeline(address: String, tried: [String]) async throws {
        try await MailWorld.run { mail in
            let event = try await mail.world.event(of: mail.organizer, capacity: 5)
            let registration = try await mail.ticket(for: mail.person(at: address), event: event)
            _ = try await mail.deliver(try #require(try await mail.planned(because: .ticketIssued).first))
            if tried.count > 1 {
                // The last attempt that it gets.
                try await mail.world.owner.execute(
                    "UPDATE notifications SET tries = \(RetryLadder.mail.maximumAttempts - 1), unknown_tries = 3")
                _ = try await mail.deliver(try #require(try await mail.askedAgain().first))
            }
            let steps = try await DeliveryStore(mail.world.database).timeline(
                of: registration.id, after: nil, limit: 100
            ).items
            #expect(steps.map(\.name.rawValue) == ["registered", "ticketIssued", "mailPlanned"] + tried)
            #expect(steps.map(\.at) == steps.map(\.at).sorted())
            let last = try #require(steps.last)
            #expect(last.kind == .registrationConfirmed && last.detail?.isEmpty == false)
            if address == "ann" { #expect(last.detail == "250 2.0.0 taken") }
            if address == "refuse" { #expect(last.detail == "550 5.1.1 no such mailbox") }
            for step in steps where step.name == .mailDeferred { #expect(step.nextAttemptAt != nil) }
            // The attempts grow old; what became of the mail stays.
            let store = DeliveryStore(mail.world.database)
            let removed = try await mail.world.database.transaction { transaction in
                try await store.pruneAttempts(before: Date() + 60, limit: 1000, on: transaction)
            }
            #expect(removed == tried.count)
            let kept = try await store.timeline(of: registration.id, after: nil, limit: 100).items
            #expect(kept.map(\.name.rawValue) == ["registered", "ticketIssued", "mailPlanned"] + tried.suffix(1))
            #expect(kept.last?.detail == (address == "ann" || address == "flaky" ? nil : last.detail))
        }
    }

    @Test("What a slower twin has to say of a mail that went out meanwhile is not told")
    func overtakenByATwin() async throws {
        try await MailWorld.run { mail in
            let event = try await mail.world.event(of: mail.organizer, capacity: 5)
            let ann = try await mail.person(at: "ann")
            let registration = try await mail.ticket(for: ann, event: event)
            let job = try #require(try await mail.planned(because: .ticketIssued).first)
            // Frozen for so long that its lease was over.
            let slow = try #require(try await mail.lease(job))
            try await mail.world.owner.execute("UPDATE notifications SET lease_until = now()")
            _ = try await mail.deliver(job)
            try await mail.world.database.transaction { transaction in
                try await NotificationStore(mail.world.database).markRetrying(
                    slow, reason: "timed out", nextAttemptAt: Date(), at: Date(), on: transaction)
            }
            let steps = try await DeliveryStore(mail.world.database).timeline(
                of: registration.id, after: nil, limit: 100
            ).items
            #expect(steps.last?.name == .mailAccepted)
            // Read page by page it is the same, also what happened at one moment.
            try await mail.world.database.execute(
                "UPDATE notifications SET created_at = (SELECT issued_at FROM tickets)")
            let store = DeliveryStore(mail.world.database)
            let whole = try await store.timeline(of: registration.id, after: nil, limit: 100)
            var (singly, next) = ([DeliveryStep](), PageKey?.none)
            repeat {
                let page = try await store.timeline(of: registration.id, after: next, limit: 1)
                (singly, next) = (singly + page.items, page.next)
            } while next != nil
            #expect(singly == whole.items && whole.next == nil && singly.count == 4)
        }
    }

    @Test(
        "A timeline tells of line, promotion, cancellation and announcements, and nothing of whoever had the place before"
    )
    func whole() async throws {
        try await MailWorld.run { mail in
            let event = try await mail.world.event(of: mail.organizer, capacity: 1, waitlist: true)
            let (ann, bob) = (try await mail.person(at: "ann"), try await mail.person(at: "bob"))
            let first = try await mail.ticket(for: ann, event: event)
            let second = try await mail.world.register(bob, for: event)
            _ = try await mail.world.cancel(first.id, of: event)
            try await mail.issueTicket(for: second)
            _ = try await mail.planned(because: .ticketIssued)
            _ = try await mail.announce(in: event)
            for job in try await mail.mailingsPlanned() { _ = try await mail.deliver(job) }
            let store = DeliveryStore(mail.world.database)
            let names = try await store.timeline(of: second.id, after: nil, limit: 100).items.map(\.name)
            #expect(names.prefix(3) == [.waitlisted, .promoted, .ticketIssued])
            #expect(names.suffix(2) == [.mailPlanned, .mailAccepted])
            #expect(
                try await store.timeline(of: first.id, after: nil, limit: 100).items.map(\.name).contains(.cancelled))

            try await mail.world.database.execute(
                "UPDATE registrations SET user_id = \(ann.id) WHERE id = \(second.id)")
            let kinds = try await store.timeline(of: second.id, after: nil, limit: 100).items.compactMap(\.kind)
            #expect(!kinds.contains(.announcement))
        }
    }

    @Test("What waits is counted, and since when; nothing waits any more when it is sent or given up")
    func backlog() async throws {
        try await MailWorld.run { mail in
            let event = try await mail.world.event(of: mail.organizer, capacity: 5)
            for address in ["ann", "refuse", "flaky"] {
                try await mail.ticket(for: mail.person(at: address), event: event)
            }
            let jobs = try await mail.planned(because: .ticketIssued)
            let store = DeliveryStore(mail.world.database)
            for found in [try await store.backlog(of: event), try await store.backlog(now: Date())] {
                #expect(found.unsent == 3 && found.oldestAt != nil && found.retrying == 0 && found.failed == 0)
            }
            for job in jobs { _ = try await mail.deliver(job) }
            for found in [try await store.backlog(of: event), try await store.backlog(now: Date())] {
                #expect(found.unsent == 1 && found.retrying == 1 && found.failed == 1)
            }
        }
    }

    @Test(
        "While sending is paused nothing is handed over and nothing is lost; no attempt is counted, and then all of it goes"
    )
    func paused() async throws {
        try await MailWorld.run { mail in
            let event = try await mail.world.event(of: mail.organizer, capacity: 50)
            let store = DeliveryStore(mail.world.database)
            for round in [true, false] {
                let changed = try await mail.world.database.transaction { transaction in
                    try await store.pause(by: mail.organizer.id, now: Date(), on: transaction)
                }
                #expect(changed == round)
            }
            for number in 0..<10 { try await mail.ticket(for: mail.person(at: "guest\(number)"), event: event) }
            try await mail.serving {
                try await mail.until("planned") { try await mail.count(.queued) == 10 }
                #expect(throws: MailServer.Failure.self) { try mail.server.nextMail(within: .milliseconds(1500)) }
                let resumed = try await mail.world.database.transaction { transaction in
                    try await store.resume(on: transaction)
                }
                #expect(resumed)
                try await mail.untilSettled(10)
            }
            #expect(try await mail.count(.sent) == 10)
            let attempts = try await mail.world.database.read("SELECT max(attempts) AS most FROM notifications")
            #expect(try attempts.first?.decode("most", as: Int.self) == 1)
        }
    }

    @Test(
        "A pause that goes on gives the message back to a delay queue, so that the broker does not take it for forgotten"
    )
    func timeout() async throws {
        let pause = SendingPause(isPaused: true, timeout: .milliseconds(10))
        #expect(try await !pause.waitUntilOver())
        #expect(pause.follow(.send))
        #expect(try await pause.waitUntilOver())
    }

    @Test("So many mails a second and no more, and a ticket's mail before those of an announcement")
    func pace() async throws {
        let pace = SendingRate(mailsPerSecond: 50)
        let begun = ContinuousClock.now
        let order = Order()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<20 {
                group.addTask {
                    try await pace.turn(isBulk: number < 15)
                    await order.note(number < 15)
                }
            }
            try await group.waitForAll()
        }
        #expect(ContinuousClock.now - begun >= .milliseconds(380))
        // The first to come may be one of the many; after that those of single people are never the last.
        let isBulk = await order.isBulk
        #expect(isBulk.suffix(10).allSatisfy { $0 })
        // Without a limit nobody waits.
        try await SendingRate(mailsPerSecond: nil).turn(isBulk: true)
    }
}

private actor Order {
    private(set) var isBulk: [Bool] = []
    func note(_ bulk: Bool) { isBulk.append(bulk) }
}
