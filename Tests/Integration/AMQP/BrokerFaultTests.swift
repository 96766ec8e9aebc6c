import AMQP
import Testing

@Suite("When the broker goes away", .serialized)
struct BrokerFaultTests {
    let broker: Broker
    let proxy: BrokerProxy
    /// The broker, seen through the proxy.
    let proxied: BrokerAddress

    init() throws {
        broker = try Broker()
        proxy = try BrokerProxy(to: broker.address.host, port: broker.address.port)
        var address = broker.address
        address.host = "127.0.0.1"
        address.port = proxy.port
        proxied = address
    }

    @Test("a cut connection fails a batch in flight whole, its unsent rest as never sent; what waits behind it arrives")
    func cutWhilePublishing() async throws {
        try await broker.withQueue { queue, exchange, _ in
            let publisher = broker.publisher(at: proxied, window: 100)
            try await publisher.publish(.numbered(-1, to: exchange))
            // Nothing passes: a window is on its way and stays there, the rest waits.
            proxy.pause(true)
            async let running = publisher.publish((0..<250).map { .numbered($0, to: exchange) })
            try await broker.eventually("a full window") { publisher.load.unconfirmed == 100 }
            async let behind: Void = publisher.publish(.numbered(1000, to: exchange))
            try await broker.eventually("another batch behind it") { publisher.load.waiting == 151 }
            proxy.cut()
            proxy.pause(false)
            var unknown: [Bool] = []
            for outcome in await running {
                let error = try #require(throws: BrokerError.self) { try outcome.get() }
                #expect(error.isRetriable, "\(error)")
                unknown.append(error.outcomeUnknown)
            }
            #expect(unknown == Array(repeating: true, count: 100) + Array(repeating: false, count: 150))
            try await behind
            #expect(proxy.accepted == 2)
            // Of the batch, only what was on its way can be there.
            let consumer = broker.consumer(of: queue, at: broker.address, prefetch: 300)
            let waiting = try await publisher.queueStatus(queue).messages
            let arrived = try await consumer.deliveries.take(waiting).compactMap(\.message.number)
            #expect(arrived.contains(1000) && arrived.allSatisfy { $0 < 100 || $0 == 1000 }, "\(arrived)")
            await consumer.close()
            await publisher.close()
            proxy.close()
        }
    }

    @Test("a consumer resumes after a cut; what was in hand comes again and can't be acked by the old delivery")
    func cutWhileConsuming() async throws {
        try await broker.withQueue { queue, exchange, _ in
            let publisher = broker.publisher()
            for outcome in await publisher.publish((0..<10).map { .numbered($0, to: exchange) }) { try outcome.get() }
            let consumer = broker.consumer(of: queue, at: proxied, prefetch: 4)
            let acked = try await consumer.deliveries.take(3).compactMap(\.message.number)
            let held = try await consumer.deliveries.take(2, acking: false)
            proxy.cut()
            let rest = try await consumer.deliveries.take(7)
            #expect(acked + rest.compactMap(\.message.number).sorted() == Array(0..<10))
            #expect(rest.first?.redelivered == true)
            let error = try await #require(throws: BrokerError.self) { try await held[0].ack() }
            guard case .connectionLost = error.kind else { throw error }
            await consumer.close()
            #expect(try await publisher.queueStatus(queue).messages == 0)
            await publisher.close()
            proxy.close()
        }
    }

    @Test("a server that accepts and never answers: publishing fails by its deadline as never sent, and recovers")
    func neverAnswers() async throws {
        try await broker.withQueue { _, exchange, _ in
            proxy.set(.stall)
            var impatient = proxied
            impatient.timeout = .milliseconds(300)
            let publisher = broker.publisher(at: impatient, timeout: .seconds(1))
            let started = ContinuousClock.now
            let error = try await #require(throws: BrokerError.self) {
                try await publisher.publish(.numbered(1, to: exchange))
            }
            guard case .unreachable = error.kind else { throw error }
            #expect(error.isRetriable && !error.outcomeUnknown)
            #expect(started.duration(to: .now) < .seconds(8))
            proxy.set(.forward)
            try await broker.eventually("published") {
                if case .success = await publisher.publish([.numbered(2, to: exchange)])[0] { true } else { false }
            }
            await publisher.close()
            proxy.close()
        }
    }

    @Test("a wrong password is refused, not unreachable")
    func wrongPassword() async throws {
        let wrong = try BrokerAddress(url: "amqp://guest:wrong@\(broker.address.host):\(broker.address.port)/")
        let publisher = broker.publisher(at: wrong, timeout: .seconds(1))
        let error = try await #require(throws: BrokerError.self) { try await publisher.publish(.numbered(1, to: "")) }
        guard case .refused(code: 403, _) = error.kind else { throw error }
        #expect(!error.isRetriable && !error.outcomeUnknown)
        await publisher.close()
    }

    @Test("a cancelled publish that was never sent is taken back")
    func cancelledWaiting() async throws {
        try await broker.withQueue { queue, exchange, _ in
            proxy.set(.refuse)
            let publisher = broker.publisher(at: proxied, waiting: 1, timeout: .seconds(60))
            let task = Task { await publisher.publish([.numbered(1, to: exchange)])[0] }
            // Looked at, not probed with a message: a probe that comes first takes the only place.
            try await broker.eventually("waiting") { publisher.load.waiting == 1 }
            await #expect(throws: BrokerError(.overloaded)) { try await publisher.publish(.numbered(9, to: exchange)) }
            task.cancel()
            let outcome = await task.value
            #expect(throws: BrokerError(.cancelled)) { try outcome.get() }
            proxy.set(.forward)
            // Its place is free again, and it never arrives.
            try await publisher.publish(.numbered(2, to: exchange))
            #expect(try await publisher.queueStatus(queue).messages == 1)
            await publisher.close()
            proxy.close()
        }
    }

    @Test("a peer that falls silent is found out by its missing heartbeats")
    func silentPeer() async throws {
        try await broker.withQueue { _, exchange, _ in
            var address = proxied
            address.heartbeat = .seconds(1)
            let publisher = broker.publisher(at: address)
            try await publisher.publish(.numbered(1, to: exchange))
            proxy.pause(true)
            try await broker.eventually("noticed") {
                if case .connecting = publisher.state { true } else { false }
            }
            proxy.pause(false)
            try await publisher.publish(.numbered(2, to: exchange))
            await publisher.close()
            proxy.close()
        }
    }
}
