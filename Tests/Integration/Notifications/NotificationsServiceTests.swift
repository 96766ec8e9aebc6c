import Domain
import FoundationEssentials
import Postgres
import TestSupport
import Testing

@testable import notifications

@Suite struct NotificationsServiceTests {
    @Test("From issued tickets to mails, through the relay, both queues and the delay queue: one mail for everybody")
    func wholeWay() async throws {
        try await MailWorld.run { mail in
            let event = try await mail.world.event(of: mail.organizer, capacity: 100)
            // One of them is deferred at first, and one never gets anything.
            let addresses = (0..<20).map { "guest\($0)" } + ["flaky", "refuse"]
            for address in addresses {
                try await mail.ticket(for: mail.person(at: address), event: event)
            }
            try await mail.serving { try await mail.untilSettled(addresses.count) }

            var recipients: Set<String> = []
            var messageIDs: Set<String> = []
            for _ in 0..<21 {
                let received = try mail.server.nextMail()
                recipients.formUnion(received.recipients)
                messageIDs.insert(received.headers["Message-ID"] ?? "")
            }
            #expect(recipients == Set(addresses.filter { $0 != "refuse" }.map { "\($0)@example.org" }))
            #expect(messageIDs.count == 21)
            #expect(throws: MailServer.Failure.self) { try mail.server.nextMail(within: .milliseconds(300)) }
            #expect(try await mail.count(.sent) == 21)
            #expect(try await mail.count(.failed) == 1)
        }
    }

    @Test(
        "A domain that never answers holds up nobody else, and gets its mails once it does", arguments: [true, false])
    func tarpit(isLimited: Bool) async throws {
        try await MailWorld.run { mail in
            let event = try await mail.world.event(of: mail.organizer, capacity: 100)
            let stuck = (0..<16).map { "guest\($0)@tarpit.example" }
            let others = (0..<16).map { "guest\($0)@example.org" }
            for address in stuck { try await mail.ticket(for: mail.person(address: address), event: event) }
            try await mail.serving(connections: 8) { limits in
                // Without the limit, and with mails that keep their places however long they take, the tarpit has them all.
                if !isLimited { limits.perDomain = 8 }
                limits.slowAfter = isLimited ? .milliseconds(500) : .seconds(3600)
            } during: {
                let held = isLimited ? 4 : 8
                try await mail.until("connections stuck") { try await mail.mailsUnderWay() == held }
                for address in others { try await mail.ticket(for: mail.person(address: address), event: event) }
                if isLimited {
                    try await mail.until("the others sent") { try await mail.count(.sent) == others.count }
                    #expect(try await mail.sent(to: "tarpit.example") == 0)
                } else {
                    // The control: whoever comes now waits.
                    let owed = stuck.count + others.count
                    try await mail.until("the others planned") { try await mail.count(.queued) == owed }
                    #expect(try await mail.count(.sent) == 0)
                }
                try await mail.release()
                try await mail.untilSettled(stuck.count + others.count)
            }
            #expect(try await mail.count(.sent) == stuck.count + others.count)
            // Waiting for room was no attempt.
            let attempts = try await mail.world.database.read("SELECT max(attempts) AS most FROM notifications")
            #expect(try attempts.first?.decode("most", as: Int.self) == 1)
        }
    }

    @Test(
        "However many domains never answer, each counts against itself: the others get their mails, and no transaction waits"
    )
    func tarpits() async throws {
        try await MailWorld.run { mail in
            let event = try await mail.world.event(of: mail.organizer, capacity: 100)
            let stuck = (0..<24).map { "guest\($0)@d\($0 % 12).tarpit.example" }
            let others = (0..<16).map { "guest\($0)@example.org" }
            for address in stuck { try await mail.ticket(for: mail.person(address: address), event: event) }
            try await mail.serving(connections: 8) {
                $0.slowAfter = .milliseconds(300)
            } during: {
                // Three times as many as there are places.
                try await mail.until("all of them stuck") { try await mail.mailsUnderWay() == stuck.count }
                for address in others { try await mail.ticket(for: mail.person(address: address), event: event) }
                try await mail.until("the others sent") { try await mail.count(.sent) == others.count }
                #expect(try await mail.mailsUnderWay() == stuck.count)
                #expect(try await mail.transactionsHeld() == 0)
                try await mail.release()
                try await mail.untilSettled(stuck.count + others.count)
            }
            #expect(try await mail.count(.sent) == stuck.count + others.count)
        }
    }
}
