import Domain
import FoundationEssentials
import Persistence
import Postgres
import Testing

@testable import ws_hub

@Suite("Hub: places in line and dashboards")
struct HubStateTests {
    @Test("whoever waits hears each move of the line, from the database alone, and nobody else does")
    func line() async throws {
        try await HubWorld.with { hub in
            let id = try await hub.events.add()
            let people = try await hub.events.line(4, for: id)
            let third = try await hub.connect(as: people[2])
            try third.subscribe("me")
            let fourth = try await hub.connect(as: people[3])
            try fourth.subscribe("me")
            #expect(try await third.next("registration").position == 3)
            #expect(try await fourth.next("registration").position == 4)
            try await hub.events.leave(people[1], id)
            #expect(try await third.next("registration").position == 2)
            let moved = try await fourth.next("registration")
            #expect(moved.position == 3)
            #expect(moved.eventId == "\(id)")
            #expect(moved.status == "waitlisted")
            try await hub.events.promote(people[2], id)
            let promoted = try await third.next("registration")
            #expect(promoted.status == "confirmed")
            #expect(promoted.position == nil)
            #expect(try await fourth.next("registration").position == 2)
            // A late joiner of the same person hears where they stand.
            let tab = try await hub.connect(as: people[3])
            try tab.subscribe("me")
            #expect(try await tab.next("registration").position == 2)
        }
    }

    @Test("news of a registration that comes late, or twice, takes nothing back")
    func lateUpdates() async throws {
        try await HubWorld.with { hub in
            let id = try await hub.events.add()
            let people = try await hub.events.line(2, for: id)
            let client = try await hub.connect(as: people[1])
            try client.subscribe("me")
            let place = try await client.next("registration")
            let registration = try #require(place.registrationId.flatMap { RegistrationID($0) })
            try await hub.events.promote(people[1], id)
            #expect(try await client.next("registration").status == "confirmed")
            for status in [RegistrationStatus.waitlisted, .confirmed] {
                try await hub.publish(
                    .registration(
                        people[1], id: registration, eventID: id, status: status,
                        position: status == .waitlisted ? 2 : nil))
            }
            try await hub.publish(
                .registration(people[1], id: registration, eventID: id, status: .cancelled, position: nil))
            #expect(try await client.next("registration").status == "cancelled")
        }
    }

    @Test("a dashboard opens with counts and check-ins, drafts too; scans and counts move it, lost ones as well")
    func dashboard() async throws {
        try await HubWorld.with { hub in
            let id = try await hub.events.add(confirmed: 3, revision: 7)
            let people = try await hub.events.line(3, for: id)
            try await hub.events.checkIn(people[0], id, gate: "North")
            let client = try await hub.connect(as: hub.events.owner, .organizer)
            try client.subscribe("organizer:\(id)")
            #expect(try await client.next("subscribed").snapshot?.confirmed == 4)
            let state = try await client.next("checkIns")
            #expect(state.checkedIn == 1)
            #expect(state.last?.map(\.gate) == ["North"])
            #expect(state.topic == "organizer:\(id)")

            let second = try await hub.events.checkIn(people[1], id, gate: "South")
            try await hub.publish(.checkIn(id, ticketID: second, at: Date(), gate: "South"))
            let scanned = try await client.next("checkIns")
            #expect(scanned.checkedIn == 2)
            #expect(scanned.last?.map(\.ticketId).first == "\(second)")
            #expect(try #require(scanned.revision) > state.revision ?? 0)

            try await hub.events.checkIn(people[2], id, gate: "West")
            #expect(try await client.next("checkIns").checkedIn == 3)
            try await hub.publish(.counts(id, Places(revision: 90, confirmed: 5, waitlisted: 0, capacity: 10)))
            let counts = try await client.next("counts")
            #expect(counts.revision == 90)
            #expect(counts.topic == "organizer:\(id)")

            let late = try await hub.connect(as: hub.events.owner, .organizer)
            try late.subscribe("organizer:\(id)")
            #expect(try await late.next("subscribed").snapshot?.revision == 90)
            #expect(try await late.next("checkIns").checkedIn == 3)

            let draft = try await hub.events.add(status: .draft)
            try late.subscribe("organizer:\(draft)")
            #expect(try await late.next("subscribed").topic == "organizer:\(draft)")
        }
    }

    @Test("an event followed as the public and as its organizer: leaving one keeps the other's news coming")
    func bothTopics() async throws {
        try await HubWorld.with { hub in
            let id = try await hub.events.add()
            let client = try await hub.connect(as: hub.events.owner, .organizer)
            try client.subscribe("organizer:\(id)")
            _ = try await client.next("subscribed")
            try client.subscribe("event:\(id)")
            _ = try await client.next("subscribed")
            try client.text(#"{"type":"unsubscribe","topic":"event:\#(id)"}"#)
            try await eventually("one topic is left") { hub.metric("hub_topics") == 1 }
            // Redis answers in order: what the hub had to say about the other topic was said before this.
            try client.subscribe("event:\(try await hub.events.add())")
            _ = try await client.next("subscribed")
            try await hub.publish(.counts(id, Places(revision: 50, confirmed: 5, waitlisted: 0, capacity: 10)))
            #expect(try await client.next("counts").revision == 50)
        }
    }
}

extension HubEvents {
    /// So many people in line, in order.
    func line(_ count: Int, for event: EventID) async throws -> [UserID] {
        var people: [UserID] = []
        for number in 1...count {
            let person = UserID()
            try await signIn(SessionID(), of: person, .user)
            try await database.execute(
                """
                INSERT INTO registrations (id, event_id, user_id, holder_name, status, line_number)
                VALUES (\(RegistrationID()), \(event), \(person), 'Somebody', 'waitlisted', \(number))
                """)
            people.append(person)
        }
        try await take(event)
        return people
    }

    @discardableResult
    func announce(_ title: String, _ event: EventID) async throws -> AnnouncementID {
        let id = AnnouncementID()
        try await database.execute(
            """
            INSERT INTO announcements (id, event_id, author_id, title, body)
            VALUES (\(id), \(event), \(owner), \(title), '')
            """)
        return id
    }

    func leave(_ person: UserID, _ event: EventID) async throws {
        try await database.execute(
            """
            UPDATE registrations SET status = 'cancelled', cancelled_at = now()
            WHERE event_id = \(event) AND user_id = \(person)
            """)
        try await take(event)
    }

    func promote(_ person: UserID, _ event: EventID) async throws {
        try await database.execute(
            """
            UPDATE registrations SET status = 'confirmed', confirmed_at = now()
            WHERE event_id = \(event) AND user_id = \(person)
            """)
        try await take(event)
    }

    /// Makes a ticket and checks it in, without telling anybody.
    @discardableResult
    func checkIn(_ person: UserID, _ event: EventID, gate: String) async throws -> TicketID {
        let ticket = TicketID()
        try await database.execute([
            """
            INSERT INTO tickets (id, registration_id, event_id, user_id, code, qr_text)
            SELECT \(ticket), id, event_id, user_id, \("\(ticket)"), '-' FROM registrations
            WHERE event_id = \(event) AND user_id = \(person)
            """,
            """
            INSERT INTO check_ins (id, ticket_id, event_id, registration_id, gate, by_user_id)
            SELECT \(CheckInID()), \(ticket), event_id, id, \(gate), \(owner) FROM registrations
            WHERE event_id = \(event) AND user_id = \(person)
            """,
        ])
        return ticket
    }
}
