import Domain
import Logging
import NIOCore
import Persistence
import Redis
import ServiceLifecycle
import Synchronization

/// Brings live updates to the loops whose sockets listen, and keeps them true.
///
/// - Redis is subscribed only to topics with listeners. A topic opens in this order: subscribe, then read the database,
///   then snapshot; so no update falls between.
/// - About every second the revisions of all events with listeners are compared with the database's, in one query: what
///   Redis lost arrives then.
/// - While Redis is away the topics are stale; they are fresh again once everything is subscribed and compared.
/// - The loops never wait for this: they `join` and `leave` under a lock held for a moment, and get their news by
///   ``Hub/deliver(_:to:)``.
final class LiveUpdateFeed: Service, CustomStringConvertible {
    struct Entry {
        var hubs: [Hub] = []
        /// Redis was asked to subscribe; whether it did or is away, reading the state makes sense from here on.
        var isSubscribed = false
        /// The state is known; the loops have it.
        var isOpen = false
        var places: Places?
        var version = 0

        init(_ hub: Hub) { hubs = [hub] }
    }

    struct State {
        var entries: [Topic: Entry] = [:]
        /// Topics that came or went since the worker last looked. At most the sockets' topics.
        var changed: Set<Topic> = []
        var isStale = true
        var isConnected = false
        /// Counts the connections, so that a comparison is not credited to a later one.
        var connection = 0
    }

    /// What the database says about events; those that it does not know are missing.
    typealias States = @Sendable ([EventID]) async throws -> [EventID: LiveState]

    private let subscriber: RedisSubscriber
    let states: States
    private let checkInterval: ClosedRange<Double>
    let metrics: HubMetrics
    let logger: Logger
    /// Touched for moments only, by the loops and by the feed's own tasks.
    let state = Mutex(State())
    /// Wakes the worker; several wishes are one.
    private let wishes: AsyncStream<Void>
    private let wish: AsyncStream<Void>.Continuation

    /// - Parameter checkInterval: seconds between two comparisons with the database; each is drawn from this range.
    init(
        subscriber: RedisSubscriber, states: @escaping States, checkInterval: ClosedRange<Double> = 0.9...1.4,
        metrics: HubMetrics, logger: Logger
    ) {
        self.subscriber = subscriber
        self.states = states
        self.checkInterval = checkInterval
        self.metrics = metrics
        self.logger = logger
        (wishes, wish) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    var description: String { "LiveUpdateFeed" }

    // MARK: Called by the loops

    /// A loop has its first listener for the topic. It hears `opened` or `refused`, then everything else.
    func join(_ topic: Topic, _ hub: Hub) {
        state.withLock { state in
            guard var entry = state.entries[topic] else {
                state.entries[topic] = Entry(hub)
                state.changed.insert(topic)
                return
            }
            entry.hubs.append(hub)
            state.entries[topic] = entry
            if entry.isOpen { hub.deliver(.opened(entry.places, isStale: state.isStale), to: topic) }
        }
        wish.yield()
    }

    /// A loop has no listener left for the topic.
    func leave(_ topic: Topic, _ hub: Hub) {
        state.withLock { state in
            guard var entry = state.entries[topic] else { return }
            entry.hubs.removeAll { $0 === hub }
            state.entries[topic] = entry.hubs.isEmpty ? nil : entry
            if entry.hubs.isEmpty { state.changed.insert(topic) }
        }
        wish.yield()
    }

    // MARK: The service

    func run() async throws {
        await cancelWhenGracefulShutdown { [self] in
            await withDiscardingTaskGroup { group in
                group.addTask { await self.readNews() }
                group.addTask { await self.tick() }
                group.addTask { await self.work() }
            }
        }
        await subscriber.close()
    }

    private func tick() async {
        while !Task.isCancelled {
            do { try await Task.sleep(for: .milliseconds(100)) } catch { return }
            wish.yield()
        }
    }

    private func readNews() async {
        for await event in subscriber.events {
            switch event {
            case .connected:
                state.withLock { state in
                    state.isConnected = true
                    state.connection += 1
                }
                wish.yield()
            case .disconnected: becomeStale()
            case .message(let channel, let payload): takeIn(payload, from: channel)
            }
        }
    }

    /// Keeps Redis' subscriptions equal to the topics with listeners, and compares with the database when it is time.
    private func work() async {
        var subscribed: Set<Topic> = []
        var nextCheck = ContinuousClock.now
        var comparedConnection = 0
        for await _ in wishes {
            let (changed, connection) = state.withLock { state in
                defer { state.changed = [] }
                return (state.changed, state.connection)
            }
            let opening = await reconcile(changed, &subscribed)
            if !opening.isEmpty { await compare(opening) }
            guard connection != comparedConnection || ContinuousClock.now >= nextCheck else { continue }
            comparedConnection = connection
            let all = state.withLock { state in state.entries.filter(\.value.isSubscribed).map(\.key) }
            if await compare(all) { becomeFresh(connection) }
            nextCheck = .now + .seconds(Double.random(in: checkInterval))
        }
    }

    /// Returns the topics that are newly subscribed, as far as Redis is there.
    private func reconcile(_ changed: Set<Topic>, _ subscribed: inout Set<Topic>) async -> [Topic] {
        let wanted = state.withLock { state in changed.filter { state.entries[$0] != nil } }
        for topic in changed.subtracting(wanted) where subscribed.remove(topic) != nil {
            subscriber.unsubscribe(topic.channel)
        }
        let new = wanted.subtracting(subscribed)
        await withDiscardingTaskGroup { group in
            for topic in new {
                group.addTask { [subscriber, logger] in
                    do throws(RedisError) {
                        try await subscriber.subscribe(topic.channel)
                    } catch {
                        // While Redis is away a topic stays wanted and is subscribed before the next `connected`.
                        guard !error.isRetriable else { return }
                        logger.error("Subscribing failed", metadata: ["error": "\(error)"])
                    }
                }
            }
        }
        subscribed.formUnion(wanted)
        state.withLock { state in
            for topic in wanted { state.entries[topic]?.isSubscribed = true }
        }
        return Array(wanted)
    }
}
