import Domain
import Logging
import NIOCore
import Persistence
import Postgres
import Redis
import ServiceLifecycle
import Synchronization

/// The feed of live updates to the loops whose sockets are subscribed; keeps them correct.
///
/// - Redis is subscribed only to topics with subscribers. A topic opens in this order: subscribe, then read the
///   database, then send the snapshot; so no update is missed in between.
/// - About every second the revisions of all events with subscribers are compared with the database's, in one query,
///   which delivers what Redis lost. So are the check-ins and emails of followed dashboards (Dashboards.swift), and the
///   registrations of connected people: their waitlist positions are pushed by this alone, because no one publishes to
///   everyone behind that the waitlist moved.
/// - While Redis is unreachable the topics are stale; they are fresh again once everything is subscribed and compared.
/// - The loops never wait for this: they `join` and `leave` under a briefly held lock, and get updates through
///   ``Hub/deliver(_:to:)``. It waits for them: while a loop is too far behind, nothing more is read from Redis.
final class LiveUpdateFeed: Service, CustomStringConvertible {
    struct Entry {
        var hubs: [Hub] = []
        /// Redis was asked to subscribe; whether it did or is unreachable, reading the state makes sense from here on.
        var isSubscribed = false
        /// The state is known; the loops have it.
        var isOpen = false
        var places: Places?
        var version = 0
        /// The latest announcements, newest last, so that none is sent twice.
        var announced: [AnnouncementID] = []
        /// For dashboards.
        var kept: [KeptState: DashboardReading] = [:]

        func state(isStale: Bool) -> TopicState {
            TopicState(
                places: places, lastAnnouncement: announced.last, kept: kept.mapValues(\.frame), isStale: isStale)
        }

        init(_ hub: Hub) { hubs = [hub] }
    }

    struct State {
        var entries: [Topic: Entry] = [:]
        /// Topics added or removed since the worker's last round. At most the sockets' topics.
        var changed: Set<Topic> = []
        /// Dashboards that changed according to Redis, until they are read. At most those with subscribers.
        var unread: [KeptState: Set<EventID>] = [:]
        var lines = WaitlistUpdates()
        var isStale = true
        var isConnected = false
        /// Counts the connections, so that a revision check is not credited to a later one.
        var connection = 0
        /// Loops with too many updates waiting; the Redis reader waits for them.
        var behind: [Hub] = []
    }

    private let subscriber: RedisSubscriber
    let events: EventStore
    let live: LiveStore
    private let comparisonInterval: ClosedRange<Double>
    let metrics: HubMetrics
    let logger: Logger
    /// Held briefly, by the loops and by the feed's own tasks.
    let state = Mutex(State())
    /// Wakes the worker; several wake-ups are coalesced.
    private let wakeUps: AsyncStream<Void>
    private let wakeUp: AsyncStream<Void>.Continuation

    /// - Parameter comparisonInterval: seconds between two revision checks; each is drawn from this range.
    init(
        subscriber: RedisSubscriber, database: Database, comparisonInterval: ClosedRange<Double>,
        metrics: HubMetrics, logger: Logger
    ) {
        self.subscriber = subscriber
        events = EventStore(database)
        live = LiveStore(database)
        self.comparisonInterval = comparisonInterval
        self.metrics = metrics
        self.logger = logger
        (wakeUps, wakeUp) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    var description: String { "LiveUpdateFeed" }

    // MARK: Called by the loops

    /// Adds a loop with its first subscriber to the topic. It gets `opened` or `refused`, then everything else.
    func join(_ topic: Topic, _ hub: Hub) {
        repeatLines(for: topic)
        state.withLock { state in
            guard var entry = state.entries[topic] else {
                state.entries[topic] = Entry(hub)
                state.changed.insert(topic)
                return
            }
            entry.hubs.append(hub)
            state.entries[topic] = entry
            if entry.isOpen {
                hub.deliver(.opened(entry.state(isStale: state.isStale)), to: topic)
            }
        }
        wakeUp.yield()
    }

    /// Removes a loop without subscribers to the topic.
    func leave(_ topic: Topic, _ hub: Hub) {
        state.withLock { state in
            guard var entry = state.entries[topic] else { return }
            entry.hubs.removeAll { $0 === hub }
            state.entries[topic] = entry.hubs.isEmpty ? nil : entry
            guard entry.hubs.isEmpty else { return }
            state.changed.insert(topic)
            if case .person(let id) = topic { state.lines.forget(id) }
        }
        wakeUp.yield()
    }

    /// Called for a new subscriber to a person's topic: the next revision check sends their registrations again.
    func repeatLines(for topic: Topic) {
        guard case .person(let id) = topic else { return }
        state.withLock { $0.lines.forget(id) }
    }

    // MARK: The service

    func run() async throws {
        await cancelWhenGracefulShutdown { [self] in
            await withDiscardingTaskGroup { group in
                group.addTask { await self.readUpdates() }
                group.addTask { await self.tick() }
                group.addTask { await self.work() }
            }
        }
        await subscriber.close()
    }

    private func tick() async {
        while !Task.isCancelled {
            do { try await Task.sleep(for: .milliseconds(100)) } catch { return }
            wakeUp.yield()
        }
    }

    private func readUpdates() async {
        for await event in subscriber.events {
            switch event {
            case .connected:
                state.withLock { state in
                    state.isConnected = true
                    state.connection += 1
                }
                wakeUp.yield()
            case .disconnected: becomeStale()
            case .message(let channel, let payload):
                takeIn(payload, from: channel)
                let behind = state.withLock { state in
                    defer { state.behind = [] }
                    return state.behind
                }
                for hub in behind { await hub.catchUp() }
            }
        }
    }

    /// Keeps Redis subscriptions equal to the topics with subscribers, reads changed dashboards, and runs the revision
    /// check when it is due.
    private func work() async {
        var subscriptions = RedisSubscriptions()
        var (readings, comparisons) = (Pace(), Pace())
        var comparedConnection = 0
        var lastComparison = ContinuousClock.now
        for await _ in wakeUps {
            let (changed, connection) = state.withLock { state in
                defer { state.changed = [] }
                return (state.changed, state.connection)
            }
            let opening = await reconcile(changed, &subscriptions)
            if !opening.isEmpty { await compare(opening) }
            if readings.isDue { await readings.measure(leaving: .milliseconds(100)) { await readUnread() } }
            guard connection != comparedConnection || comparisons.isDue else { continue }
            comparedConnection = connection
            let begun = ContinuousClock.now
            await comparisons.measure(leaving: .seconds(Double.random(in: comparisonInterval))) {
                guard await compareEverything(since: lastComparison) else { return }
                becomeFresh(connection)
                lastComparison = begun
            }
        }
    }

    /// - Parameter since: the last revision check that succeeded.
    private func compareEverything(since: ContinuousClock.Instant) async -> Bool {
        let topics = state.withLock { state in state.entries.filter(\.value.isSubscribed).map(\.key) }
        guard await compare(topics) else { return false }
        return await compareLines(of: topics, since: since)
    }

    /// Returns the newly subscribed topics, as far as Redis is reachable.
    private func reconcile(_ changed: Set<Topic>, _ subscriptions: inout RedisSubscriptions) async -> [Topic] {
        let wanted = state.withLock { state in changed.filter { state.entries[$0] != nil } }
        for channel in subscriptions.remove(changed.subtracting(wanted)) {
            subscriber.unsubscribe(channel)
        }
        let new = subscriptions.add(wanted)
        await withDiscardingTaskGroup { group in
            for channel in new {
                group.addTask { [subscriber, logger] in
                    do throws(RedisError) {
                        try await subscriber.subscribe(channel)
                    } catch {
                        // While Redis is unreachable, a channel stays wanted and is subscribed before the next
                        // `connected`.
                        guard !error.isRetriable else { return }
                        logger.error("subscribing failed", metadata: ["error": "\(error)"])
                    }
                }
            }
        }
        state.withLock { state in
            for topic in wanted { state.entries[topic]?.isSubscribed = true }
        }
        return Array(wanted)
    }
}

/// The schedule of a periodic job. It rests five times as long as it took, so that a slow database gets fewer queries,
/// and never spends more than a sixth of its time on one hub.
private struct Pace {
    private var due = ContinuousClock.now

    var isDue: Bool { ContinuousClock.now >= due }

    /// - Parameter pause: the minimum rest.
    mutating func measure(leaving pause: Duration, _ work: () async -> Void) async {
        let took = await ContinuousClock().measure(work)
        due = .now + max(pause, took * 5)
    }
}
