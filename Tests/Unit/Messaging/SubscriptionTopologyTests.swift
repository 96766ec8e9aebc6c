import AMQP
import Domain
import FoundationEssentials
import Persistence
import Testing

@testable import Messaging

@Suite("The queue of a subscription")
struct SubscriptionTopologyTests {
    private let owner = UserID()

    private func topology(_ scope: SubscriptionScope, _ types: [String]) throws -> Topology {
        let queue = SubscribedQueue(
            id: SubscriptionID(), owner: owner, scope: scope, types: types.compactMap(MessagePattern.init),
            status: .fed)
        return SubscriptionQueues.topology(queue, .emConnect)
    }

    @Test("is bounded, loses its oldest messages, and none to readers that die")
    func limits() throws {
        let queue = try #require(try topology(.own, ["*"]).queues.first)
        #expect(queue.name.hasPrefix("em.subscription."))
        #expect(queue.arguments["x-queue-type"] == "quorum")
        #expect(queue.arguments["x-max-length"] == 100_000)
        #expect(queue.arguments["x-overflow"] == "drop-head")
        #expect(queue.arguments["x-single-active-consumer"] == true)
        #expect((queue.arguments["x-delivery-limit"]?.intValue ?? 0) > 1000)
    }

    @Test("of everything is fed by em.events, by its patterns")
    func everything() throws {
        let bindings = try topology(.all, ["*", "em.ticket.*", "em.event.published"]).bindings
        #expect(bindings.map(\.routingKey) == ["#", "em.ticket.*", "em.event.published"])
        #expect(bindings.allSatisfy { $0.source == "em.events" && $0.arguments.isEmpty })
    }

    @Test("of one's own events is fed by em.scoped, and by nothing that lacks the owner's id")
    func own() throws {
        let bindings = try topology(.own, ["*", "em.ticket.*", "em.event.published"]).bindings
        #expect(bindings.allSatisfy { $0.source == "em.scoped" })
        #expect(bindings.allSatisfy { $0.arguments["owner"] == .string(owner.description) })
        #expect(bindings.allSatisfy { $0.arguments["x-match"] == "all" })
        #expect(bindings.map { $0.arguments.count } == [2, 3, 3])
        #expect(bindings[1].arguments["kind"] == "em.ticket")
        #expect(bindings[2].arguments["type"] == "em.event.published")
    }

    @Test("messages carry what queues of one's own events are bound by")
    func headers() throws {
        let event = CloudEvent(
            id: MessageID(), type: "em.ticket.issued", subject: nil, time: .now, sequence: 1, traceparent: nil,
            data: Array("{}".utf8))
        let message = try AMQP.Message(
            event, owner: owner, exchange: "em.events", routingKey: event.type, mandatory: false)
        #expect(message.properties.headers["owner"] == .string(owner.description))
        #expect(message.properties.headers["type"] == "em.ticket.issued")
        #expect(message.properties.headers["kind"] == "em.ticket")
    }
}
