import AMQP
import FoundationEssentials
import Glibc
import Logging
import Testing

/// The broker that the environment names, and names of our own on it.
struct Broker {
    let address: BrokerAddress
    /// In front of every name that a test makes.
    let prefix = "test.\(UUID().uuidString.lowercased().prefix(8))"

    init() throws {
        let url = try #require(ProcessInfo.processInfo.environment["EM_AMQP_URL"], "EM_AMQP_URL is not set")
        var address = try BrokerAddress(url: url)
        address.timeout = Self.timeout
        self.address = address
    }

    /// How long a test waits for what must happen. Much longer than it takes: the machine may be busy.
    static let timeout = Duration.seconds(30)

    /// Silent, unless EM_TEST_LOG is set.
    static let quiet = Logger(label: "test") { label in
        if ProcessInfo.processInfo.environment["EM_TEST_LOG"] == nil { return SwiftLogNoOpLogHandler() }
        return StreamLogHandler.standardError(label: label)
    }

    func publisher(
        at address: BrokerAddress? = nil, window: Int = 1024, waiting: Int = 16_384,
        timeout: Duration = Self.timeout, topology: Topology? = nil
    ) -> Publisher {
        Publisher(
            address ?? self.address, name: "\(prefix).publisher", maximumUnconfirmed: window, maximumWaiting: waiting,
            publishTimeout: timeout, topology: topology, logger: Self.quiet)
    }

    func consumer(
        of queue: String, at address: BrokerAddress? = nil, prefetch: Int = 100, topology: Topology? = nil
    ) -> Consumer {
        Consumer(
            address ?? self.address, name: "\(prefix).consumer", queue: queue, prefetch: prefetch, topology: topology,
            logger: Self.quiet)
    }

    /// Declares a queue with a topic exchange in front of it, runs `body`, and removes both even when it throws.
    func withQueue(
        arguments: [String: FieldValue] = ["x-queue-type": "quorum"],
        _ body: (_ queue: String, _ exchange: String, _ topology: Topology) async throws -> Void
    ) async throws {
        let queue = "\(prefix).queue"
        let exchange = "\(prefix).exchange"
        let topology = Topology(
            exchanges: [Exchange(name: exchange, kind: .topic)], queues: [Queue(name: queue, arguments: arguments)],
            bindings: [Binding(source: exchange, destination: .queue(queue), routingKey: "in.#")])
        let janitor = publisher()
        do {
            try await janitor.declare(topology)
            try await body(queue, exchange, topology)
        } catch {
            try await janitor.delete(queue: queue)
            try await janitor.delete(exchange: exchange)
            await janitor.close()
            throw error
        }
        try await janitor.delete(queue: queue)
        try await janitor.delete(exchange: exchange)
        await janitor.close()
    }

    /// Waits until `condition` holds, for as long as the timeout lasts.
    func eventually(_ what: String, _ condition: () async throws -> Bool) async throws {
        let deadline = ContinuousClock.now + Self.timeout
        while try await !condition() {
            try #require(ContinuousClock.now < deadline, "never: \(what)")
            try await Task.sleep(for: .milliseconds(20))
        }
    }
}

extension Message {
    static func numbered(_ number: Int, to exchange: String, key: String = "in.test") -> Message {
        Message(
            exchange: exchange, routingKey: key, body: Array("\(number)".utf8),
            properties: Properties(messageID: "m\(number)", contentType: "text/plain"))
    }

    var number: Int? { Int(String(decoding: body, as: UTF8.self)) }
}

extension Deliveries {
    /// The next `count` deliveries, acked; fails the test when they don't come. Those whose connection is gone
    /// before their ack don't count: they come again.
    func take(_ count: Int, acking: Bool = true) async throws -> [Delivery] {
        try await withThrowingTaskGroup(of: [Delivery]?.self) { group in
            group.addTask {
                var taken: [Delivery] = []
                for await delivery in self {
                    do throws(BrokerError) {
                        if acking { try await delivery.ack() }
                        taken.append(delivery)
                    } catch {
                        guard case .connectionLost = error.kind else { throw error }
                    }
                    if taken.count == count { break }
                }
                return taken
            }
            group.addTask {
                try await Task.sleep(for: Broker.timeout)
                return nil
            }
            defer { group.cancelAll() }
            let first = try await group.next()
            return try #require(first ?? nil, "\(count) deliveries never came")
        }
    }
}
