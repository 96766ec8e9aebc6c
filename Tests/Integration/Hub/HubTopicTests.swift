import Domain
import FoundationEssentials
import Redis
import Testing

@testable import ws_hub

@Suite("Hub: topics")
struct HubTopicTests {
    @Test("subscribe, snapshot, counts by Redis; older news is dropped; unsubscribing ends it")
    func counts() async throws {
        try await HubWorld.with { hub in
            let id = try await hub.events.add(confirmed: 3, revision: 7)
            let client = try await hub.connect()
            try client.subscribe("event:\(id)")
            let first = try await client.next("subscribed")
            #expect(first.snapshot == .init(revision: 7, confirmed: 3, waitlisted: 0, capacity: 1_000_000))
            try await hub.publish(.counts(id, Places(revision: 9, confirmed: 5, waitlisted: 0, capacity: 1_000_000)))
            #expect(try await client.next("counts").revision == 9)
            try await hub.publish(.counts(id, Places(revision: 8, confirmed: 4, waitlisted: 0, capacity: 1_000_000)))
            try await hub.publish(.announcement(id, id: .init(), title: "Hello", body: "", at: Date()))
            #expect(try await client.next("announcement").title == "Hello")
            try await hub.publish(.counts(id, Places(revision: 10, confirmed: 6, waitlisted: 0, capacity: 1_000_000)))
            #expect(try await client.next("counts").revision == 10)
            try client.text(#"{"type":"unsubscribe","topic":"event:\#(id)"}"#)
            try await eventually("nobody listens in Redis") {
                try await hub.redis.command(["PUBSUB", "NUMSUB", Topic.event(id).channel])
                    == .array([.bytes(Array(Topic.event(id).channel.utf8)), .integer(0)])
            }
        }
    }

    @Test("a late joiner gets the current state at once")
    func lateJoiner() async throws {
        try await HubWorld.with { hub in
            let id = try await hub.events.add(confirmed: 3, revision: 7)
            let first = try await hub.connect()
            try first.subscribe("event:\(id)")
            _ = try await first.next("subscribed")
            try await hub.publish(.counts(id, Places(revision: 12, confirmed: 8, waitlisted: 1, capacity: 1_000_000)))
            #expect(try await first.next("counts").revision == 12)
            for _ in 0..<4 {
                let late = try await hub.connect()
                try late.subscribe("event:\(id)")
                #expect(try await late.next("subscribed").snapshot?.revision == 12)
            }
        }
    }

    @Test("news that Redis never brought arrives all the same, counts and edits")
    func healed() async throws {
        try await HubWorld.with { hub in
            let id = try await hub.events.add()
            let client = try await hub.connect()
            try client.subscribe("event:\(id)")
            let version = try await client.next("subscribed").snapshot?.revision ?? 0
            try await hub.events.take(id)
            // Within two seconds: `make bench` measures that.
            #expect(try await client.next("counts").revision == version + 1)
            try await hub.events.cancel(id)
            let edited = try await client.next("event")
            #expect(edited.status == "cancelled")
            #expect(edited.version == 2)
        }
    }

    @Test("announcements that Redis never brought are told once, and whoever comes hears which is the newest")
    func lostAnnouncements() async throws {
        try await HubWorld.with { hub in
            let id = try await hub.events.add()
            let old = try await hub.events.announce("Old", id)
            let client = try await hub.connect()
            try client.subscribe("event:\(id)")
            #expect(try await client.next("subscribed").lastAnnouncement == "\(old)")
            let (lost, late) = (try await hub.events.announce("Lost", id), try await hub.events.announce("Late", id))
            #expect(try await client.next("announcement").id == "\(lost)")
            #expect(try await client.next("announcement").id == "\(late)")
            // An update that comes after all, and again, is ignored.
            for _ in 0..<2 { try await hub.publish(.announcement(id, id: late, title: "Late", body: "", at: Date())) }
            let told = try await hub.events.announce("Told", id)
            try await hub.publish(.announcement(id, id: told, title: "Told", body: "", at: Date()))
            #expect(try await client.next("announcement").id == "\(told)")
            let other = try await hub.connect()
            try other.subscribe("event:\(id)")
            #expect(try await other.next("subscribed").lastAnnouncement == "\(told)")
            let quiet = try await hub.events.add()
            try other.subscribe("event:\(quiet)")
            #expect(try await other.next("subscribed").lastAnnouncement == nil)
        }
    }

    @Test(
        "under a storm of changes, half of them unheard, no client ever sees a revision go back, and all end at the truth"
    )
    func storm() async throws {
        try await HubWorld.with { hub in
            let id = try await hub.events.add(confirmed: 0, revision: 0)
            let last = 400
            try await withThrowingTaskGroup { group in
                for _ in 0..<20 {
                    let client = try await hub.connect()
                    try client.subscribe("event:\(id)")
                    group.addTask {
                        var seen = try await client.next("subscribed").snapshot?.revision ?? -1
                        while seen < last {
                            let revision = try await client.next("counts").revision ?? -1
                            #expect(revision > seen)
                            seen = revision
                        }
                    }
                }
                group.addTask {
                    // Updates are lost, come late and come twice.
                    var past: [Places] = []
                    for _ in 0..<last {
                        past.append(try await hub.events.take(id))
                        if Bool.random(), let places = past.last { try await hub.publish(.counts(id, places)) }
                        if Bool.random(), let places = past.randomElement() {
                            try await hub.publish(.counts(id, places))
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test("drafts and unknown events are not found; other topics of the socket go on")
    func notFound() async throws {
        try await HubWorld.with { hub in
            let client = try await hub.connect()
            for id in [try await hub.events.add(status: .draft), EventID()] {
                try client.subscribe("event:\(id)")
                let answer = try await client.next("error")
                #expect(answer.code == "not-found")
                #expect(answer.topic == "event:\(id)")
            }
            let id = try await hub.events.add(status: .cancelled)
            try client.subscribe("event:\(id)")
            #expect(try await client.next("subscribed").topic == "event:\(id)")
        }
    }

    @Test("me and dashboards: refused at once without a token, had with one; foreign dashboards are forbidden")
    func privateTopics() async throws {
        try await HubWorld.with { hub in
            let id = try await hub.events.add()
            let client = try await hub.connect()
            try client.subscribe("me")
            #expect(try await client.next().code == "not-authenticated")
            let person = UserID()
            let own = try await hub.token(for: person)
            try client.text(#"{"type":"authenticate","token":"\#(own)"}"#)
            try client.subscribe("me")
            #expect(try await client.next().type == "authenticated")
            #expect(try await client.next("subscribed").topic == "me")
            try await hub.publish(
                .registration(person, id: .init(), eventID: id, status: .confirmed, position: nil))
            #expect(try await client.next("registration").status == "confirmed")
            try client.subscribe("organizer:\(id)")
            #expect(try await client.next("error").code == "forbidden")

            let organizer = try await hub.connect()
            let token = try await hub.token(for: hub.events.owner, role: .organizer)
            try organizer.text(#"{"type":"authenticate","token":"\#(token)"}"#)
            #expect(try await organizer.next().type == "authenticated")
            try organizer.subscribe("organizer:\(id)")
            #expect(try await organizer.next("subscribed").topic == "organizer:\(id)")
        }
    }

    @Test("forged, foreign and expired tokens end the socket, and so does the token's end and another person's token")
    func tokens() async throws {
        try await HubWorld.with { hub in
            let person = UserID()
            let good = try await hub.token(for: person)
            let tokens = [
                "", "x.y.z", String(good.dropLast(4)) + "AAAA", try await hub.token(for: person, lifetime: -1),
                try await hub.token(for: person, issuer: "https://evil.example"),
            ]
            for token in tokens {
                let client = try await hub.connect()
                try client.text(#"{"type":"authenticate","token":"\#(token)"}"#)
                #expect(try await client.closeCode() == CloseCode.notAuthenticated.rawValue)
            }
            let brief = try await hub.connect()
            let short = try await hub.token(for: person, lifetime: 5)
            try brief.text(#"{"type":"authenticate","token":"\#(short)"}"#)
            #expect(try await brief.next().type == "authenticated")
            #expect(try await brief.closeCode() == CloseCode.notAuthenticated.rawValue)
            let other = try await hub.connect()
            try other.text(#"{"type":"authenticate","token":"\#(good)"}"#)
            #expect(try await other.next().type == "authenticated")
            let foreign = try await hub.token(for: UserID())
            try other.text(#"{"type":"authenticate","token":"\#(foreign)"}"#)
            #expect(try await other.closeCode() == CloseCode.notAllowed.rawValue)
        }
    }

    @Test("who asks for a private topic and does not authenticate in time is closed; who only watches is not")
    func authenticationTimeout() async throws {
        try await HubWorld.with(limits: { $0.authentication = .seconds(1) }) { hub in
            let watcher = try await hub.connect()
            let client = try await hub.connect()
            try client.subscribe("me")
            #expect(try await client.closeCode() == CloseCode.authenticationTimedOut.rawValue)
            try await watcher.answersPing()
        }
    }
}
