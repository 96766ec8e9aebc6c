import Domain
import FoundationEssentials
import Redis
import Testing

@testable import ws_hub

@Suite("Hub: slow readers and Redis away")
struct HubFaultTests {
    @Test(
        "a reader that never reads is closed as too slow, with bounded memory; its neighbour hears everything in order")
    func slowReader() async throws {
        try await HubWorld.with { hub in
            let id = try await hub.events.add()
            let slow = try await hub.connect(receiveBuffer: 4096)
            let healthy = try await hub.connect()
            try slow.subscribe("event:\(id)")
            try healthy.subscribe("event:\(id)")
            _ = try await slow.next("subscribed")
            _ = try await healthy.next("subscribed")
            let body = String(repeating: "x", count: 9000)
            var count = 0
            while hub.metric(#"hub_sockets_closed_total{code="4480"}"#) == 0 {
                try #require(count < 500, "the slow reader is never closed")
                try await hub.publish(.announcement(id, id: .init(), title: "\(count)", body: body, at: Date()))
                #expect(try await healthy.next("announcement").title == "\(count)")
                count += 1
            }
            #expect(try await slow.closeCode() == CloseCode.tooSlow.rawValue)
            try await hub.publish(.counts(id, Places(revision: 100, confirmed: 5, waitlisted: 0, capacity: 10)))
            #expect(try await healthy.next("counts").revision == 100)
        }
    }

    @Test("a reader that pauses gets what is not conflated in order, and of the counts the latest")
    func pausingReader() async throws {
        try await HubWorld.with(limits: { $0.waitingBytes = 1 << 20 }) { hub in
            let id = try await hub.events.add(confirmed: 0, revision: 0)
            let client = try await hub.connect(receiveBuffer: 4096)
            try client.subscribe("event:\(id)")
            _ = try await client.next("subscribed")
            let body = String(repeating: "x", count: 9000)
            for number in 0..<40 {
                try await hub.publish(.announcement(id, id: .init(), title: "\(number)", body: body, at: Date()))
                try await hub.publish(
                    .counts(id, Places(revision: number + 1, confirmed: number, waitlisted: 0, capacity: 100)))
            }
            try await eventually("counts gave way") { hub.metric("hub_counts_conflated_total") > 0 }
            var (announcements, revision) = (0, 0)
            while announcements < 40 || revision < 40 {
                let frame = try await client.next()
                if frame.type == "announcement" {
                    #expect(frame.title == "\(announcements)")
                    announcements += 1
                } else if let newer = frame.revision {
                    #expect(newer > revision)
                    revision = newer
                }
            }
        }
    }

    @Test("Redis killed: topics turn stale, counts and announcements still come, new sockets hear it too; then fresh")
    func redisAway() async throws {
        let server = try await PrivateRedis()
        try await HubWorld.with(redis: try server.address) { hub in
            let id = try await hub.events.add(confirmed: 3, revision: 7)
            let client = try await hub.connect()
            try client.subscribe("event:\(id)")
            _ = try await client.next("subscribed")
            try await eventually("Redis has the subscription") {
                try await hub.redis.command(["PUBSUB", "NUMSUB", Topic.event(id).channel])
                    == .array([.bytes(Array(Topic.event(id).channel.utf8)), .integer(1)])
            }
            let told = try await hub.events.announce("Told", id)
            try await hub.publish(.announcement(id, id: told, title: "Told", body: "", at: Date()))
            #expect(try await client.next("announcement").title == "Told")
            server.kill()
            #expect(try await client.next("stale").topic == "event:\(id)")
            try await hub.events.take(id)
            #expect(try await client.next("counts").revision == 8)
            try await hub.events.announce("Missed", id)
            // The one that Redis had brought does not come again.
            #expect(try await client.next("announcement").title == "Missed")
            let other = try await hub.events.add(confirmed: 1, revision: 2)
            let late = try await hub.connect()
            try late.subscribe("event:\(other)")
            #expect(try await late.next().snapshot?.revision == 2)
            #expect(try await late.next().type == "stale")
            try await server.start()
            #expect(try await client.next().type == "fresh")
            #expect(try await late.next("fresh").topic == "event:\(other)")
            try await eventually("the test's own connection is back") {
                (try? await hub.redis.command(["PING"])) != nil
            }
            try await hub.publish(.announcement(other, id: .init(), title: "Back", body: "", at: Date()))
            #expect(try await late.next("announcement").title == "Back")
        }
    }

    @Test("Redis stalled without closing its connections: stale, and fresh when it goes on")
    func redisStalled() async throws {
        let server = try await PrivateRedis()
        try await HubWorld.with(redis: try server.address) { hub in
            let id = try await hub.events.add()
            let client = try await hub.connect()
            try client.subscribe("event:\(id)")
            _ = try await client.next("subscribed")
            server.stall()
            #expect(try await client.next("stale").topic == "event:\(id)")
            server.resume()
            #expect(try await client.next("fresh").topic == "event:\(id)")
        }
    }
}
