import AMQP
import FoundationEssentials
import Testing

@Suite("Publishing with confirms", .serialized)
struct PublisherTests {
    let broker: Broker

    init() throws { broker = try Broker() }

    @Test("a confirmed message is in the queue, with everything it carried")
    func confirm() async throws {
        try await broker.withQueue { queue, exchange, _ in
            let publisher = broker.publisher()
            let sent = Message(
                exchange: exchange, routingKey: "in.full", body: [0, 1, 2, 255],
                properties: .init(
                    messageID: "id", type: "em.test", contentType: "application/octet-stream", correlationID: "c",
                    timestamp: Date(timeIntervalSince1970: 1_700_000_000), priority: 3,
                    headers: ["owner": "o", "em-attempt": 2, "deep": .table(["a": .array([true, .null])])]))
            try await publisher.publish(sent)
            let consumer = broker.consumer(of: queue)
            let received = try await consumer.deliveries.take(1)[0]
            #expect(!received.redelivered)
            #expect(received.message.exchange == exchange)
            #expect(received.message.routingKey == "in.full")
            #expect(received.message.body == sent.body)
            #expect(received.message.properties == sent.properties)
            await consumer.close()
            await publisher.close()
        }
    }

    @Test("an unroutable message comes back; its neighbours don't; without mandatory it is lost in silence")
    func returned() async throws {
        try await broker.withQueue { queue, exchange, _ in
            let publisher = broker.publisher()
            let outcomes = await publisher.publish([
                .numbered(1, to: exchange), .numbered(2, to: exchange, key: "nowhere"), .numbered(3, to: exchange),
            ])
            #expect(throws: Never.self) { try outcomes[0].get() }
            #expect(throws: BrokerError(.returned(code: 312, text: "NO_ROUTE"))) { try outcomes[1].get() }
            #expect(throws: Never.self) { try outcomes[2].get() }
            // The control: without mandatory the broker confirms what it throws away.
            var careless = Message.numbered(4, to: exchange, key: "nowhere")
            careless.mandatory = false
            try await publisher.publish(careless)
            try await broker.eventually("two messages") { try await publisher.queueStatus(queue).messages == 2 }
            await publisher.close()
        }
    }

    @Test("publishing to a missing exchange fails all in flight as unknown, and the next ones work")
    func missingExchange() async throws {
        try await broker.withQueue { _, exchange, _ in
            let publisher = broker.publisher()
            try await publisher.publish(.numbered(0, to: exchange))
            let outcomes = await publisher.publish([
                .numbered(1, to: "\(exchange).missing"), .numbered(2, to: exchange), .numbered(3, to: exchange),
            ])
            for outcome in outcomes {
                let error = try #require(throws: BrokerError.self) { try outcome.get() }
                guard case .channelClosed(code: 404, _) = error.kind else {
                    Issue.record("not a closed channel: \(error)")
                    continue
                }
                #expect(error.outcomeUnknown && error.isRetriable)
            }
            try await publisher.publish(.numbered(4, to: exchange))
            await publisher.close()
        }
    }

    @Test("10,000 messages through a window of 500 arrive once each, in order")
    func pipelined() async throws {
        try await broker.withQueue { queue, exchange, _ in
            let publisher = broker.publisher(window: 500)
            let outcomes = await publisher.publish((0..<10_000).map { .numbered($0, to: exchange) })
            for outcome in outcomes { try outcome.get() }
            let consumer = broker.consumer(of: queue, prefetch: 1000)
            let received = try await consumer.deliveries.take(10_000)
            #expect(received.compactMap(\.message.number) == Array(0..<10_000))
            await consumer.close()
            await publisher.close()
        }
    }

    @Test("many tasks publish at once")
    func concurrent() async throws {
        try await broker.withQueue { queue, exchange, _ in
            let publisher = broker.publisher(window: 64)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<500 {
                    group.addTask { try await publisher.publish(.numbered(number, to: exchange)) }
                }
                try await group.waitForAll()
            }
            try await broker.eventually("all there") { try await publisher.queueStatus(queue).messages == 500 }
            await publisher.close()
        }
    }

    @Test("a full queue that rejects nacks")
    func nacked() async throws {
        let arguments: [String: FieldValue] = ["x-max-length": 1, "x-overflow": "reject-publish"]
        try await broker.withQueue(arguments: arguments) { _, exchange, _ in
            let publisher = broker.publisher()
            let outcomes = await publisher.publish((0..<5).map { .numbered($0, to: exchange) })
            #expect(throws: Never.self) { try outcomes[0].get() }
            #expect(throws: BrokerError(.nacked)) { try outcomes[4].get() }
            await publisher.close()
        }
    }

    @Test("a bound on what waits, and names that AMQP can't carry, are refused at once")
    func refusedAtOnce() async throws {
        let proxy = try BrokerProxy(to: broker.address.host, port: broker.address.port)
        proxy.set(.refuse)
        var away = broker.address
        away.host = "127.0.0.1"
        away.port = proxy.port
        let publisher = broker.publisher(at: away, waiting: 3, timeout: .seconds(1))
        let tooMany = await publisher.publish((0..<4).map { .numbered($0, to: "x") })
        for outcome in tooMany { #expect(throws: BrokerError(.overloaded)) { try outcome.get() } }
        let longKey = String(repeating: "k", count: 256)
        await #expect(throws: BrokerError(.invalidMessage)) {
            try await publisher.publish(.numbered(1, to: "x", key: longKey))
        }
        var heavy = Message.numbered(1, to: "x")
        heavy.properties.headers["h"] = .string(String(repeating: "h", count: 70_000))
        let refused = await publisher.publish([heavy])[0]
        #expect(throws: BrokerError(.invalidMessage)) { try refused.get() }
        await publisher.close()
        proxy.close()
    }

    @Test("close waits for what is under way, and takes nothing more")
    func closing() async throws {
        try await broker.withQueue { queue, exchange, _ in
            let publisher = broker.publisher(window: 50)
            async let outcomes = publisher.publish((0..<2000).map { .numbered($0, to: exchange) })
            try await broker.eventually("some there") { try await publisher.queueStatus(queue).messages > 0 }
            await publisher.close()
            for outcome in await outcomes { try outcome.get() }
            #expect(publisher.state == .closed)
            await #expect(throws: BrokerError(.closed)) { try await publisher.publish(.numbered(1, to: exchange)) }
        }
    }

    @Test("asking for a queue that doesn't exist is an answer, not the end of the connection")
    func missingQueue() async throws {
        try await broker.withQueue { queue, exchange, _ in
            let publisher = broker.publisher()
            try await publisher.publish(.numbered(1, to: exchange))
            let error = try await #require(throws: BrokerError.self) {
                try await publisher.queueStatus("\(queue).missing")
            }
            guard case .channelClosed(code: 404, _) = error.kind else { throw error }
            #expect(publisher.state == .connected)
            #expect(try await publisher.purge(queue: queue) == 1)
            await publisher.close()
        }
    }
}
