import Domain
import FoundationEssentials
import Messaging
import Persistence
import Postgres
import TestSupport
import Testing

@testable import notifications

@Suite struct PlanNotificationsTests {
    @Test("Somebody in line is told so, and when a place becomes free the mail says that it is theirs")
    func promotion() async throws {
        try await MailWorld.run { mail in
            let event = try await mail.world.event(of: mail.organizer, capacity: 1, waitlist: true)
            let first = try await mail.person(at: "ann")
            let second = try await mail.person(at: "bob")
            let registration = try await mail.ticket(for: first, event: event)
            let inLine = try await mail.world.register(second, for: event)
            #expect(inLine.status == .waitlisted)
            _ = try await mail.planned(because: .registrationWaitlisted)
            #expect(try await mail.notifications(of: second).map(\.kind) == [.registrationWaitlisted])

            _ = try await mail.world.cancel(registration.id, of: registration.eventID)
            try await mail.issueTicket(for: inLine)
            _ = try await mail.planned(because: .ticketIssued)
            #expect(
                try await mail.notifications(of: second).map(\.kind) == [
                    .registrationPromoted, .registrationWaitlisted,
                ])
            #expect(try await mail.notifications(of: first).map(\.kind) == [.registrationConfirmed])
        }
    }

    @Test("A change that concerns visitors is told to everybody who has a place or stands in line, others are not")
    func change() async throws {
        try await MailWorld.run { mail in
            let event = try await mail.world.event(of: mail.organizer, capacity: 1, waitlist: true)
            let people = [try await mail.person(at: "ann"), try await mail.person(at: "bob")]
            for person in people { _ = try await mail.world.register(person, for: event) }
            let gone = try await mail.person(at: "cleo")
            let cancelled = try await mail.world.register(gone, for: event)
            _ = try await mail.world.cancel(cancelled.id, of: cancelled.eventID)
            try await mail.plan.handle(Self.change(of: event, "registrationClosesAt", "2026-12-01T00:00:00.000Z"))
            #expect(try await mail.mailingsPlanned().isEmpty)
            for person in people { #expect(try await mail.notifications(of: person).isEmpty) }

            let move = try Self.change(of: event, "venue", "The big hall")
            try await mail.plan.handle(move)
            try await mail.plan.handle(move)
            let jobs = try await mail.mailingsPlanned(step: 1)
            for person in people {
                #expect(try await mail.notifications(of: person).map(\.kind) == [.eventUpdated])
            }
            #expect(try await mail.notifications(of: gone).isEmpty)
            #expect(jobs.count == 2)
            for job in jobs { #expect(try await mail.deliver(job) == .ack) }
            for _ in jobs {
                let text = try #require(try mail.server.nextMail().root.children?[0].children?[0].text)
                #expect(text.contains("Place:\r\n    before: Hall\r\n    now:    The big hall"))
            }
        }
    }

    @Test("A cancelled event is told to everybody, as a cancellation of what stands in their calendars")
    func eventCancelled() async throws {
        try await MailWorld.run { mail in
            let event = try await mail.world.event(of: mail.organizer, capacity: 5)
            let user = try await mail.person(at: "ann")
            try await mail.ticket(for: user, event: event)
            let version = try await mail.world.database.transaction { transaction in
                try await mail.world.registrations.cancelEvent(event, now: Date(), on: transaction)
            }
            let data = EventData(eventId: event, version: try #require(version), status: .cancelled)
            try await mail.plan.handle(Self.message(.eventCancelled, event, WireJSON.encode(data)))
            let job = try #require(try await mail.mailingsPlanned().last)
            #expect(try await mail.deliver(job) == .ack)
            let received = try mail.server.nextMail()
            #expect(received.headers["Subject"] == "Cancelled: Concert")
            let calendar = try #require(received.root.children?.last?.text)
            #expect(calendar.contains("METHOD:CANCEL") && calendar.contains("SEQUENCE:\(data.version)\r\n"))
        }
    }

    @Test(
        "Facts about many people are planned together, once each, in their own words and traces; other facts are left")
    func together() async throws {
        try await MailWorld.run { mail in
            let event = try await mail.world.event(of: mail.organizer, capacity: 2, waitlist: true)
            let people = [
                try await mail.person(at: "ann"), try await mail.person(at: "bob"), try await mail.person(at: "cleo"),
            ]
            for person in people.prefix(2) { try await mail.ticket(for: person, event: event) }
            _ = try await mail.world.register(people[2], for: event)
            let facts =
                try await mail.outbox(MessageType.ticketIssued.rawValue)
                + mail.outbox(MessageType.registrationWaitlisted.rawValue)
            #expect(facts.count == 3)
            let move = try Self.change(of: event, "venue", "The big hall")
            func received(_ events: [CloudEvent]) -> [ReceivedMessage] {
                events.map { event in
                    var event = event
                    event.traceparent = "00-\(event.id.traceDigits)-00f067aa0ba902b7-01"
                    return ReceivedMessage(event: event, attempt: 1, firstSeen: Date(), redelivered: false)
                }
            }
            let ids = Set(facts.map(\.id))
            #expect(try await mail.plan.handleTogether(received(facts + facts.prefix(1) + [move])) == ids)
            #expect(try await mail.plan.handleTogether(received(facts)) == ids)

            for person in people.prefix(2) {
                #expect(try await mail.notifications(of: person).map(\.kind) == [.registrationConfirmed])
            }
            #expect(try await mail.notifications(of: people[2]).map(\.kind) == [.registrationWaitlisted])
            let jobs = try await mail.outbox(WorkType.mailSend.rawValue)
            #expect(jobs.count == 3)
            let traces = jobs.compactMap { $0.traceparent?.split(separator: "-")[1] }.map(String.init)
            #expect(Set(traces) == Set(ids.map(\.traceDigits)))

            let broken = Self.message(.ticketIssued, event, Array(#"{"ticketId":"x"}"#.utf8))
            await #expect(throws: DecodingError.self) {
                try await mail.plan.handleTogether(received([broken]))
            }
        }
    }

    @Test("A fact whose data is not what it should be is the message's fault, and leaves nothing behind")
    func malformed() async throws {
        try await MailWorld.run { mail in
            let message = Self.message(.ticketIssued, EventID(), Array(#"{"ticketId":"x"}"#.utf8))
            await #expect(throws: DecodingError.self) { try await mail.plan.handle(message) }
            let inbox = try await mail.world.owner.read("SELECT count(*) AS count FROM inbox")
            #expect(try inbox.first?.decode("count", as: Int.self) == 0)
        }
    }

    private static func change(of event: EventID, _ field: String, _ after: String) throws -> CloudEvent {
        let change = EventData.Change(field: field, before: field == "venue" ? "Hall" : nil, after: after)
        return message(
            .eventUpdated, event,
            try WireJSON.encode(EventData(eventId: event, version: 2, status: .published, changes: [change])))
    }

    private static func message(_ type: MessageType, _ event: EventID, _ data: [UInt8]) -> CloudEvent {
        CloudEvent(
            id: MessageID(), type: type.rawValue, subject: "\(event)", time: Date(), sequence: 1, traceparent: nil,
            data: data)
    }
}

extension MessageID {
    /// As a trace's id.
    fileprivate var traceDigits: String { description.filter { $0 != "-" } }
}
