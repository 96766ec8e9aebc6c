import AMQP
import Testing

@testable import Messaging

@Suite("The product's topology")
struct TopologyTests {
    let topology = Topology.emConnect

    @Test("has the exchanges of the message contract")
    func exchanges() {
        #expect(
            topology.exchanges.map { "\($0.name) \($0.kind.rawValue)" }
                == ["em.events topic", "em.scoped headers", "em.work direct", "em.retry direct", "em.dead direct"])
        #expect(topology.exchanges.allSatisfy { $0.durable })
    }

    @Test("has for each worker its queue, its ladder and its parking queue, all quorum queues")
    func queues() {
        let names = Set(topology.queues.map(\.name))
        for worker in [
            "ticket-worker.issue", "notifications.plan", "notifications.mail", "notifications.mailings",
            "notifications.bulkMail", "notifications.webhooks",
        ] {
            for suffix in ["", ".parked", ".retry.5s", ".retry.30s", ".retry.5m", ".retry.1h"] {
                #expect(names.contains(worker + suffix))
            }
        }
        #expect(names.count == 36)
        #expect(topology.queues.allSatisfy { $0.durable && $0.arguments["x-queue-type"] == "quorum" })
    }

    @Test("delay queues dead-letter at least once to the worker's queue and reject when full")
    func delayQueue() throws {
        let queue = try #require(topology.queues.first { $0.name == "notifications.mail.retry.5m" })
        #expect(queue.arguments["x-message-ttl"] == 300_000)
        #expect(queue.arguments["x-dead-letter-exchange"] == "")
        #expect(queue.arguments["x-dead-letter-routing-key"] == "notifications.mail")
        #expect(queue.arguments["x-dead-letter-strategy"] == "at-least-once")
        #expect(queue.arguments["x-overflow"] == "reject-publish")
        #expect(queue.arguments["x-max-length"]?.intValue ?? 0 > 0)
    }

    @Test(
        "each worker reads what it is for, and nothing else",
        arguments: [
            (
                "ticket-worker.issue",
                ["em.registration.confirmed", "em.registration.promoted", "ticket.issue"]
            ),
            (
                "notifications.plan",
                [
                    "account.mail", "em.event.cancelled", "em.event.updated", "em.registration.cancelled",
                    "em.registration.waitlisted",
                    "em.ticket.issued",
                ]
            ),
            ("notifications.mail", ["mail.send"]),
            ("notifications.mailings", ["mail.preview", "mailing.plan"]),
            ("notifications.bulkMail", ["mail.send.bulk"]),
            ("notifications.webhooks", ["#"]),
        ])
    func bindings(queue: String, keys: [String]) {
        let bound = topology.bindings.filter { $0.destination == .queue(queue) }
        let carried = topology.carried.filter { $0.destination == .queue(queue) }
        #expect((bound + carried).map(\.routingKey).sorted() == keys)
        #expect(bound.allSatisfy { $0.source == "em.work" } && carried.allSatisfy { $0.source == "em.events" })
    }

    @Test("the relay takes facts to the workers that have to have them; jobs find their queue by a binding")
    func carried() {
        #expect(
            topology.carries("em.registration.confirmed", from: "em.events")
                == ["ticket-worker.issue", "notifications.webhooks"])
        #expect(topology.carries("em.announcement.posted", from: "em.events") == ["notifications.webhooks"])
        #expect(topology.carries("mail.send", from: "em.work") == [])
    }

    @Test("what a relay looks after are the workers' queues, all of them")
    func workQueues() { #expect(Set(topology.workQueues) == Set(WorkerQueue.all.map(\.name))) }
}

@Suite("The retry ladder")
struct RetryLadderTests {
    @Test(
        "rises by attempt, and parks after the last one",
        arguments: [(1, "5s"), (2, "30s"), (3, "5m"), (4, "1h"), (5, nil), (6, nil), (0, "5s")])
    func rungs(attempt: Int, rung: String?) {
        #expect(RetryLadder.standard.rung(afterAttempt: attempt, atLeast: nil)?.name == rung)
    }

    @Test(
        "waits at least as long as the failure asks, but never longer than the last rung",
        arguments: [(1, 4, "5s"), (1, 6, "30s"), (1, 31, "5m"), (1, 90_000, "1h"), (3, 1, "5m")])
    func delays(attempt: Int, seconds: Int, rung: String) {
        let found = RetryLadder.standard.rung(afterAttempt: attempt, atLeast: .seconds(seconds))
        #expect(found?.name == rung)
    }

    @Test("mail climbs for a day, the jitter taken off")
    func mail() {
        var total = Duration.zero
        var attempt = 1
        while let rung = RetryLadder.mail.rung(afterAttempt: attempt, atLeast: nil) {
            total += rung.delay
            attempt += 1
        }
        let average = total * 0.9
        #expect(average >= .seconds(24 * 3600) && average < .seconds(26 * 3600))
    }
}
