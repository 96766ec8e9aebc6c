import Domain
import FoundationEssentials
import Messaging
import Persistence
import Postgres
import TestSupport
import Testing

@testable import notifications

@Suite struct ReminderTests {
    /// Eight in the evening in Berlin, two days after the clocks there are put back (25 October 2026, 03:00 summer time).
    private let start = "2026-10-27T19:00:00.000Z"

    @Test(
        "A reminder comes at its hour: days by the calendar of the event's zone, across a change of the clocks, hours by the clock's hands",
        arguments: [
            // Eight in the evening is 18:00 UTC in summer.
            ("P7D", "2026-10-20T18:00:00.000Z"), ("P1D", "2026-10-26T19:00:00.000Z"),
            ("PT24H", "2026-10-26T19:00:00.000Z"), ("PT72H", "2026-10-24T19:00:00.000Z"),
            ("P3D", "2026-10-24T18:00:00.000Z"),
        ])
    func hour(_ reminder: String, _ due: String) async throws {
        try await MailWorld.run { mail in
            let event = try await mail.event(at: start, reminders: [reminder])
            let due = try #require(Timestamp.parse(due))
            try await mail.tick(at: due - 1)
            #expect(try await mail.reminders(of: event).isEmpty)
            try await mail.tick(at: due)
            try await mail.tick(at: due + 10)
            #expect(try await mail.reminders(of: event) == [due])
        }
    }

    @Test("a zone that PostgreSQL does not know keeps nobody's reminder back: a link leads on, the rest is UTC")
    func unknownZones() async throws {
        try await MailWorld.run { mail in
            let known = try await mail.event(at: start, reminders: ["P7D"])
            let link = try await mail.event(at: start, reminders: ["P7D"])
            let nowhere = try await mail.event(at: start, reminders: ["P7D"])
            try await mail.world.owner.execute([
                "INSERT INTO zone_links (name, target) VALUES ('Europe/Lacking', 'Europe/Berlin')",
                "UPDATE events SET time_zone = 'Europe/Lacking' WHERE id = \(link)",
                "UPDATE events SET time_zone = 'Mars/Base' WHERE id = \(nowhere)",
            ])
            let summer = try #require(Timestamp.parse("2026-10-20T18:00:00.000Z"))
            try await mail.tick(at: summer)
            for event in [known, link] { #expect(try await mail.reminders(of: event) == [summer]) }
            #expect(try await mail.reminders(of: nowhere).isEmpty)
            try await mail.tick(at: summer + 3600)
            #expect(try await mail.reminders(of: nowhere) == [summer + 3600])
        }
    }

    @Test("Nobody has to choose: seven days and twenty-four hours before, to those who have a place by then")
    func usual() async throws {
        try await MailWorld.run { mail in
            let event = try await mail.event(at: start, reminders: nil)
            try await mail.crowd(3, in: event)
            try await mail.crowd(2, in: event, status: .waitlisted)
            try await mail.crowd(1, in: event, status: .cancelled)
            // Registered before either reminder, whatever day it is where the test runs.
            try await mail.world.database.execute("UPDATE registrations SET created_at = '2026-01-01'")
            let week = try #require(Timestamp.parse("2026-10-20T18:00:00.000Z"))
            let day = try #require(Timestamp.parse("2026-10-26T19:00:00.000Z"))
            for moment in [week, week + 5, day, day + 5] {
                try await mail.age(event)
                try await mail.tick(at: moment)
            }
            #expect(try await mail.reminders(of: event) == [week, day])
            #expect(try await mail.mailingsPlanned().count == 6)
        }
    }

    @Test(
        "Moved before its reminder, it is told at the new hour; moved far after it, once more; moved a little, not again"
    )
    func moved() async throws {
        try await MailWorld.run { mail in
            let event = try await mail.event(at: start, reminders: ["P7D"])
            let first = try #require(Timestamp.parse("2026-10-20T18:00:00.000Z"))
            // Two days later: the reminder moves with it.
            try await mail.move(event, by: 2 * 86_400)
            try await mail.tick(at: first)
            #expect(try await mail.reminders(of: event).isEmpty)
            try await mail.tick(at: first + 2 * 86_400)
            #expect(try await mail.reminders(of: event) == [first + 2 * 86_400])
            // An hour later: everybody has been reminded.
            try await mail.move(event, by: 3600)
            try await mail.tick(at: first + 2 * 86_400 + 3600)
            #expect(try await mail.reminders(of: event).count == 1)
            // By three weeks: that is another day to be reminded of.
            try await mail.move(event, by: 21 * 86_400 - 3600)
            // The clocks were put back in between: the same hour in Berlin is another one by UTC.
            try await mail.tick(at: first + 23 * 86_400)
            #expect(try await mail.reminders(of: event).count == 1)
            try await mail.tick(at: first + 23 * 86_400 + 3600)
            #expect(try await mail.reminders(of: event).count == 2)
        }
    }

    @Test("Called off, over, or past the middle of its time, it is not sent; two clocks at once send one")
    func never() async throws {
        try await MailWorld.run { mail in
            let due = try #require(Timestamp.parse("2026-10-26T19:00:00.000Z"))
            let cancelled = try await mail.event(at: start, reminders: ["PT24H"])
            _ = try await mail.world.database.transaction { transaction in
                try await mail.world.registrations.cancelEvent(cancelled, now: due - 100, on: transaction)
            }
            let late = try await mail.event(at: start, reminders: ["PT24H"])
            try await mail.tick(at: due + 13 * 3600)
            try await mail.tick(at: due + 30 * 3600)
            for event in [cancelled, late] { #expect(try await mail.reminders(of: event).isEmpty) }

            let both = try await mail.event(at: start, reminders: ["PT24H"])
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<8 { group.addTask { try await mail.tick(at: due + 60) } }
                try await group.waitForAll()
            }
            #expect(try await mail.reminders(of: both).count == 1)
        }
    }

    @Test("Between plan and mail: who left, or whose event was moved away, is not reminded")
    func overtaken() async throws {
        try await MailWorld.run { mail in
            let now = Date()
            let event = try await mail.event(at: Timestamp.text(now + 7 * 86_400), reminders: ["P7D"])
            let (ann, gone) = (try await mail.person(at: "ann"), try await mail.person(at: "cleo"))
            try await mail.ticket(for: ann, event: event)
            let left = try await mail.ticket(for: gone, event: event)
            try await mail.age(event)
            try await mail.tick(at: now + 60)
            let jobs = try await mail.mailingsPlanned()
            #expect(jobs.count == 2)
            _ = try await mail.world.cancel(left.id, of: event)
            for job in jobs { #expect(try await mail.deliver(job) == .ack) }
            let received = try mail.server.nextMail()
            #expect(received.recipients == ["ann@example.org"])
            #expect(received.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click")
            #expect(throws: MailServer.Failure.self) { try mail.server.nextMail(within: .milliseconds(200)) }
        }
    }

    @Test(
        "Durations that are none, or too long, are refused",
        arguments: ["", "P", "P0D", "P91D", "PT73H", "P1W", "PT0H", "P007D", "P-1D", "p7d", "P7DT1H"])
    func refused(text: String) { #expect(Reminder(text) == nil) }
}

extension MailWorld {
    /// A published event in Berlin, decided upon long ago.
    fileprivate func event(at start: String, reminders: [String]?) async throws -> EventID {
        let event = try await world.event(of: organizer, capacity: 100)
        let start = try #require(Timestamp.parse(start))
        try await world.database.execute(
            "UPDATE events SET starts_at = \(start), ends_at = \(start + 7200) WHERE id = \(event)")
        if let reminders {
            try await world.database.execute(
                "INSERT INTO event_mail_settings (event_id, reminders) VALUES (\(event), \(reminders))")
        }
        try await age(event)
        return event
    }

    /// Makes what was decided about an event a thing of the past, whatever day it is where the test runs.
    fileprivate func age(_ event: EventID) async throws {
        try await world.database.execute(
            """
            UPDATE events SET published_at = '2026-01-01', updated_at = '2026-01-01' WHERE id = \(event)
            """)
    }

    fileprivate func move(_ event: EventID, by seconds: Double) async throws {
        try await world.database.execute(
            """
            UPDATE events SET starts_at = starts_at + make_interval(secs => \(seconds)),
                ends_at = ends_at + make_interval(secs => \(seconds)) WHERE id = \(event)
            """)
    }

    fileprivate func tick(at now: Date) async throws {
        var clock = MailingClock(database: world.database, logger: world.logger)
        clock.clock = { now }
        try await clock.tick()
    }

    /// When the reminders of an event began.
    fileprivate func reminders(of event: EventID) async throws -> [Date] {
        try await world.database.read(
            "SELECT at FROM mailings WHERE event_id = \(event) AND kind = 'event.reminder' ORDER BY at"
        ).map { try $0.decode("at") }
    }
}
