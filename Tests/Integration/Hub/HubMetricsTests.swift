import Domain
import FoundationEssentials
import Testing

@testable import ws_hub

@Suite("Hub: what it tells about itself")
struct HubMetricsTests {
    @Test("sockets, topics, frames, bytes, what was conflated and how sockets ended")
    func counted() async throws {
        try await HubWorld.with(limits: { $0.countsInterval = .milliseconds(300) }) { hub in
            let id = try await hub.events.add(confirmed: 0, revision: 0)
            let client = try await hub.connect()
            try client.subscribe("event:\(id)")
            _ = try await client.next("subscribed")
            #expect(hub.metric("hub_sockets") == 1)
            #expect(hub.metric("hub_topics") == 1)
            let (frames, bytes) = (hub.metric("hub_frames_sent_total"), hub.metric("hub_bytes_sent_total"))
            for revision in 1...50 {
                try await hub.publish(
                    .counts(id, Places(revision: revision, confirmed: revision, waitlisted: 0, capacity: 100)))
            }
            while try await client.next("counts").revision != 50 {}
            let sent = hub.metric("hub_frames_sent_total") - frames
            #expect(sent >= 2)
            #expect(hub.metric("hub_bytes_sent_total") > bytes)
            #expect(sent + hub.metric("hub_counts_conflated_total") <= 50)
            #expect(hub.metric("hub_counts_conflated_total") > 0)
            try client.text("garbage")
            #expect(try await client.closeCode() == CloseCode.policy.rawValue)
            #expect(hub.metric(#"hub_sockets_closed_total{code="1008"}"#) == 1)
        }
    }

    @Test("the time from the relay's publishing to the last socket's write, for what the relay brought")
    func publishToWrite() async throws {
        try await HubWorld.with { hub in
            let id = try await hub.events.add(confirmed: 0, revision: 0)
            let client = try await hub.connect()
            try client.subscribe("event:\(id)")
            _ = try await client.next("subscribed")
            func announce(_ publishedAt: Date?) async throws {
                try await hub.publish(.announcement(id, id: .init(), title: "", body: "", at: Date()), at: publishedAt)
                _ = try await client.next("announcement")
            }
            try await announce(nil)
            #expect(hub.metric("hub_publish_to_write_seconds_count") == 0)
            try await announce(Date() - 5)
            try await eventually("it is counted") { hub.metric("hub_publish_to_write_seconds_count") == 1 }
            #expect(hub.metric("hub_publish_to_write_seconds_sum") >= 5)
            // A clock that is ahead of ours takes nothing away.
            try await announce(Date() + 3600)
            try await eventually("it is counted") { hub.metric("hub_publish_to_write_seconds_count") == 2 }
            #expect(hub.metric("hub_publish_to_write_seconds_sum") >= 5)
            try await hub.publish(
                .counts(id, Places(revision: 1, confirmed: 1, waitlisted: 0, capacity: 9)), at: Date() - 5)
            _ = try await client.next("counts")
            try await eventually("counts are, too") { hub.metric("hub_publish_to_write_seconds_count") == 3 }
            #expect(hub.metric("hub_publish_to_write_seconds_sum") >= 10)
        }
    }
}
