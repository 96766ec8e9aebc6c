import Domain
import FoundationEssentials
import Persistence
import Postgres
import Testing

@testable import ws_hub

@Suite("Hub: mails that did not arrive")
struct HubDeliveryTests {
    @Test("a dashboard opens with them, hears of each change at once, and of nobody's mail more than that")
    func told() async throws {
        // Nothing but Redis' news can bring them: no comparison comes in the time of this test.
        try await HubWorld.with(limits: { $0.comparison = 3600...3600 }) { hub in
            let id = try await hub.events.add()
            let (mail, overtaken) = (NotificationID(), NotificationID())
            try await hub.events.mail(overtaken, of: id, .failed, attempts: 0)
            try await hub.events.mail(mail, of: id, .retrying, attempts: 1)
            let client = try await hub.connect(as: hub.events.owner, .organizer)
            try client.subscribe("organizer:\(id)")
            let first = try await client.next("deliveryProblems")
            #expect(first.topic == "organizer:\(id)")
            #expect([first.retrying, first.failed] == [1, 0])

            try await hub.events.settle(mail, .failed)
            try await hub.publish(.delivery(id, .failed))
            let second = try await client.next("deliveryProblems")
            #expect([second.retrying, second.failed] == [0, 1])
            #expect(try #require(second.revision) > first.revision ?? 0)

            // The same mail anew: the old one is no problem any more.
            try await hub.events.mail(NotificationID(), of: id, .queued, attempts: 0)
            try await hub.publish(.delivery(id, .sent))
            let third = try await client.next("deliveryProblems")
            #expect([third.retrying, third.failed] == [0, 0])

            let late = try await hub.connect(as: hub.events.owner, .organizer)
            try late.subscribe("organizer:\(id)")
            #expect(try await late.next("deliveryProblems").revision == third.revision)
        }
    }

    @Test("those of which no news came are told by the comparison")
    func healed() async throws {
        try await HubWorld.with { hub in
            let id = try await hub.events.add()
            let client = try await hub.connect(as: hub.events.owner, .organizer)
            try client.subscribe("organizer:\(id)")
            #expect(try await client.next("deliveryProblems").failed == 0)
            try await hub.events.mail(NotificationID(), of: id, .failed, attempts: 3)
            #expect(try await client.next("deliveryProblems").failed == 1)
        }
    }

    @Test("in a storm of failing mails a dashboard gets at most ten counts a second, in order, and in the end the last")
    func storm() async throws {
        try await HubWorld.with(limits: { $0.comparison = 3600...3600 }) { hub in
            let id = try await hub.events.add()
            let client = try await hub.connect(as: hub.events.owner, .organizer)
            try client.subscribe("organizer:\(id)")
            var last = try await client.next("deliveryProblems")
            let begun = ContinuousClock.now
            for _ in 0..<200 {
                try await hub.events.mail(NotificationID(), of: id, .retrying, attempts: 1)
                try await hub.publish(.delivery(id, .retrying))
            }
            var frames = 0
            while last.retrying != 200 {
                let frame = try await client.next("deliveryProblems")
                #expect(try #require(frame.revision) > last.revision ?? 0)
                #expect(try #require(frame.retrying) > last.retrying ?? 0)
                last = frame
                frames += 1
            }
            #expect(Duration.milliseconds(100) * (frames - 1) <= ContinuousClock.now - begun)
        }
    }
}

extension HubEvents {
    /// A mail to the organizer, who has none of another registration.
    func mail(
        _ id: NotificationID, of event: EventID, _ status: NotificationStatus, attempts: Int,
        kind: String = "registration.confirmed"
    ) async throws {
        try await database.execute(
            """
            INSERT INTO notifications (id, user_id, event_id, cause_id, kind, status, attempts, created_at)
            VALUES (\(id), \(owner), \(event), \(MessageID()), \(kind), \(status), \(attempts), clock_timestamp())
            """)
    }

    func settle(_ id: NotificationID, _ status: NotificationStatus) async throws {
        try await database.execute(
            "UPDATE notifications SET status = \(status), attempts = attempts + 1 WHERE id = \(id)")
    }
}
