import Bootstrap
import Logging
import NIOCore
import ServiceLifecycle
import Synchronization

/// The hubs of all event loops. As a service it delays the shutdown until every socket has been closed.
struct Hubs: Service, CustomStringConvertible {
    let limits: HubLimits
    let metrics: HubMetrics
    private let hubs: [ObjectIdentifier: Hub]
    private let census: SocketCensus

    init(
        _ group: any EventLoopGroup, feed: LiveUpdateFeed, access: HubAccess, limits: HubLimits, metrics: HubMetrics,
        logger: Logger
    ) {
        let census = SocketCensus()
        hubs = Dictionary(
            uniqueKeysWithValues: group.makeIterator().map { loop in
                let hub = Hub(
                    eventLoop: loop, feed: feed, access: access, limits: limits, census: census, metrics: metrics,
                    logger: logger)
                return (ObjectIdentifier(loop), hub)
            })
        self.limits = limits
        self.metrics = metrics
        self.census = census
    }

    var description: String { "Hubs" }

    var all: [Hub] { Array(hubs.values) }

    /// Over all loops.
    var isFull: Bool { census.total >= limits.sockets }

    func hub(of loop: any EventLoop) -> Hub {
        guard let hub = hubs[ObjectIdentifier(loop)] else { preconditionFailure("a loop of another group") }
        return hub
    }

    func expose(in registry: PrometheusRegistry) {
        let hubs = Array(hubs.values)
        registry.gauge("hub_sockets", "Open sockets.") {
            Double(hubs.reduce(0) { $0 + $1.socketCount.load(ordering: .relaxed) })
        }
        registry.gauge("hub_topics", "Topics with subscribers, counted once per event loop that has some.") {
            Double(hubs.reduce(0) { $0 + $1.topicCount.load(ordering: .relaxed) })
        }
    }

    /// The listener is closed before this service is stopped, and every socket has been notified too: see ``Session``.
    func run() async throws {
        do { try await gracefulShutdown() } catch { return }  // canceled: no one waits for the sockets
        let deadline = ContinuousClock.now + limits.drainSpread + limits.goodbye + .seconds(2)
        while census.total > 0, ContinuousClock.now < deadline { try await Task.sleep(for: .milliseconds(20)) }
    }
}
