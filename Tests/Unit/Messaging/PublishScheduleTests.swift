import AMQP
import Domain
import FoundationEssentials
import Testing

@testable import Messaging
@testable import Persistence

@Suite("The relay's publish schedule")
struct PublishScheduleTests {
    private let first = EventID()
    private let second = EventID()

    private func row(_ number: Int, _ event: EventID?, _ type: String = "a", to: Destination = .events) throws
        -> OutgoingRow
    {
        let row = OutboxRow(
            rowID: number, messageID: MessageID(), destination: to, type: type, eventID: event, ownerID: nil,
            data: Array("{}".utf8), traceparent: nil, occurredAt: Date(), sequence: number, isRepeated: false,
            announcement: nil)
        return OutgoingRow(
            row: row, messages: try AMQP.Message.copies(of: row, names: .emConnect, topology: .emConnect))
    }

    private func route(_ type: String) -> RoutingTarget {
        RoutingTarget(AMQP.Message(exchange: "em.events", routingKey: type, body: []))
    }

    private let carried = AMQP.Message(exchange: "", routingKey: "notifications.webhooks", body: [])

    private func waves(_ schedule: PublishSchedule, proved: Set<RoutingTarget>, limit: Int = 100) -> [[Int]] {
        var schedule = schedule
        var waves: [[Int]] = []
        // Each fact goes to the reader of everything, too.
        let proved = proved.isEmpty ? proved : proved.union([RoutingTarget(carried)])
        while case let wave = schedule.nextWave(proved: proved, limit: limit), !wave.isEmpty {
            waves.append(wave.map(\.row.rowID))
        }
        return waves
    }

    @Test("a key that was never confirmed goes alone; ordering keys are independent")
    func unproved() throws {
        let schedule = PublishSchedule([try row(1, first), try row(2, second), try row(3, first), try row(4, second)])
        #expect(waves(schedule, proved: []) == [[1, 2], [3, 4]])
    }

    @Test("proved keys go together, up to the first one that isn't")
    func proved() throws {
        let schedule = PublishSchedule([
            try row(1, first), try row(2, first), try row(3, first, "b"), try row(4, first), try row(5, second),
        ])
        #expect(waves(schedule, proved: [route("a")]) == [[1, 2, 5], [3], [4]])
        #expect(waves(schedule, proved: [route("a"), route("b")]) == [[1, 2, 3, 4, 5]])
    }

    @Test("a wave has its bound, and order holds across waves")
    func bounded() throws {
        let schedule = PublishSchedule([try row(1, first), try row(2, second), try row(3, first), try row(4, first)])
        #expect(waves(schedule, proved: [route("a")], limit: 2) == [[1, 3], [4, 2]])
    }

    @Test("a stopped ordering key leaves its rest behind and harms no other")
    func stopped() throws {
        var schedule = PublishSchedule([try row(1, first), try row(2, second), try row(3, first), try row(4, second)])
        _ = schedule.nextWave(proved: [], limit: 100)
        schedule.stop(.facts(first))
        #expect(waves(schedule, proved: []) == [[4]])
    }

    @Test("jobs have no order among them")
    func jobs() throws {
        let schedule = PublishSchedule([
            try row(1, first, "mail.send", to: .work), try row(2, first, "mail.send", to: .work),
        ])
        #expect(waves(schedule, proved: []) == [[1, 2]])
    }

    @Test("a blocked key's pauses grow, and end when it is released")
    func holding() {
        var held = BlockedKeys()
        let now = ContinuousClock.now
        held.hold(.facts(first), now: now)
        held.hold(.single(7), now: now)
        #expect(held.current(now: now).events == [first])
        #expect(held.current(now: now).rows == [7])
        #expect(held.current(now: now + .seconds(1)).events.isEmpty)
        // Those that flew with the first one and failed with it make nothing longer.
        for _ in 0..<8 { held.hold(.facts(first), now: now) }
        #expect(held.current(now: now + .seconds(1)).events.isEmpty)
        // Each later failure does.
        var later = now
        for _ in 0..<8 {
            later += .seconds(40)
            held.hold(.facts(first), now: later)
        }
        #expect(held.current(now: later + .seconds(20)).events == [first])
        held.release(.facts(first))
        #expect(held.current(now: later).events.isEmpty)
    }

    @Test("what leaves is a CloudEvent with its owner and trace beside it")
    func cloudEvent() throws {
        var row = try row(12, first, "em.registration.confirmed").row
        let owner = UserID()
        let trace = TraceContext()
        row.ownerID = owner
        row.traceparent = trace.traceparent
        row.data = Array(#"{"eventId":"x"}"#.utf8)
        let copies = try AMQP.Message.copies(of: row, names: .emConnect, topology: .emConnect)
        // To each worker that has to have it by the name of its queue, so that one that is gone is noticed; then to all others.
        #expect(copies.map(\.exchange) == ["", "", "em.events"])
        #expect(
            copies.map(\.routingKey)
                == ["ticket-worker.issue", "notifications.webhooks", "em.registration.confirmed"])
        #expect(copies.map(\.mandatory) == [true, true, false])
        let message = copies[0]
        #expect(message.properties.headers["owner"] == .string(owner.description))
        #expect(message.properties.headers["traceparent"] == .string(trace.traceparent))
        #expect(message.properties.messageID == row.messageID.description)
        #expect(message.properties.contentType == "application/cloudevents+json")
        let event = try CloudEvent(decoding: message.body)
        #expect(event.id == row.messageID && event.subject == first.description && event.sequence == 12)
        #expect(event.data == row.data && event.traceparent == trace.traceparent)
    }

    @Test(
        "at the exchange facts need no reader, unknown types do",
        arguments: [("em.announcement.posted", false), ("em.ticket.issued", false), ("em.future.thing", true)])
    func mandatory(type: String, mandatory: Bool) throws {
        #expect(try row(1, first, type).messages.last?.mandatory == mandatory)
    }
}
