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
    private struct Entry {
        var hubs: [Hub] = []
        /// Redis was asked to subscribe; whether it did or is away, reading the state makes sense from here on.
        var isSubscribed = false
        /// The state is known; the loops have it.
        var isOpen = false
        var places: Places?
        var version = 0

        init(_ hub: Hub) { hubs = [hub] }
    }

    private struct State {
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
    private let states: States
    private let checkInterval: ClosedRange<Double>
    private let metrics: HubMetrics
    private let logger: Logger
    private let state = Mutex(State())
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

    // MARK: News from Redis

    private func takeIn(_ payload: [UInt8], from channel: String) {
        guard let topic = Topic(channel: channel) else { return }
        let news: IncomingNews
        do {
            news = try WireJSON.decode(IncomingNews.self, from: payload)
        } catch {
            logger.error("A live update is no frame", metadata: ["channel": "\(channel)"])
            return
        }
        let frame = Frames.text(payload)
        if news.type == "counts", let places = news.places {
            note(places, frame, for: topic)
        } else {
            // Delivered under the lock, so that updates keep their order against `opened`.
            state.withLock { state in
                guard let entry = state.entries[topic], entry.isOpen else { return }
                if news.type == "event", let version = news.version {
                    state.entries[topic]?.version = max(entry.version, version)
                }
                for hub in entry.hubs { hub.deliver(.other(frame: frame), to: topic) }
            }
        }
    }

    private func note(_ places: Places, _ frame: ByteBuffer, for topic: Topic) {
        state.withLock { state in
            guard let entry = state.entries[topic], entry.places.map({ $0.revision < places.revision }) ?? true else {
                return
            }
            state.entries[topic]?.places = places
            guard entry.isOpen else { return }  // the snapshot will carry it
            for hub in entry.hubs { hub.deliver(.counts(places, frame: frame), to: topic) }
        }
    }

    // MARK: The truth

    /// Reads the state of the topics' events and passes on what is news. Returns whether that succeeded.
    @discardableResult
    private func compare(_ topics: [Topic]) async -> Bool {
        for topic in topics {
            if case .event = topic { continue }
            open(topic)
        }
        let events = topics.compactMap { if case .event(let id) = $0 { id } else { nil } }
        guard !events.isEmpty else { return true }
        do {
            let states = try await states(events)
            for id in events { apply(states[id], to: id) }
            return true
        } catch is CancellationError {
            return false
        } catch {
            metrics.checkFailed()
            logger.debug("The revision check failed", metadata: ["error": "\(error)"])
            return false
        }
    }

    /// Topics without a state in the database.
    private func open(_ topic: Topic) {
        state.withLock { state in
            guard let entry = state.entries[topic], entry.isSubscribed, !entry.isOpen else { return }
            state.entries[topic]?.isOpen = true
            for hub in entry.hubs { hub.deliver(.opened(nil, isStale: state.isStale), to: topic) }
        }
    }

    private func apply(_ found: LiveState?, to id: EventID) {
        let topic = Topic.event(id)
        state.withLock { state in
            guard var entry = state.entries[topic], entry.isSubscribed else { return }
            guard let found, found.status != .draft else {
                guard !entry.isOpen else { return }
                state.entries[topic] = nil
                state.changed.insert(topic)
                for hub in entry.hubs { hub.deliver(.refused, to: topic) }
                return
            }
            let known = entry.places
            let places = known.map { $0.revision >= found.places.revision ? $0 : found.places } ?? found.places
            let isEdited = found.version > entry.version
            entry.places = places
            entry.version = max(entry.version, found.version)
            guard entry.isOpen else {
                entry.isOpen = true
                state.entries[topic] = entry
                for hub in entry.hubs { hub.deliver(.opened(places, isStale: state.isStale), to: topic) }
                return
            }
            state.entries[topic] = entry
            if places != known { heal(.counts(id, places), entry.hubs) }
            if isEdited { heal(.event(id, version: found.version, status: found.status), entry.hubs) }
        }
    }

    /// Sends what Redis should have brought.
    private func heal(_ update: LiveUpdate, _ hubs: [Hub]) {
        metrics.updateHealed()
        do {
            let frame = Frames.text(try update.frame())
            for hub in hubs {
                if case .counts(_, let places) = update {
                    hub.deliver(.counts(places, frame: frame), to: update.topic)
                } else {
                    hub.deliver(.other(frame: frame), to: update.topic)
                }
            }
        } catch {
            logger.error("A live update could not be encoded", metadata: ["error": "\(error)"])
        }
    }

    // MARK: Stale and fresh

    private func becomeStale() {
        state.withLock { state in
            state.isConnected = false
            guard !state.isStale else { return }
            state.isStale = true
            for hub in Self.hubs(state) { hub.deliver(isStale: true) }
        }
    }

    /// Everything was compared after this connection had subscribed.
    private func becomeFresh(_ connection: Int) {
        state.withLock { state in
            guard state.isConnected, state.connection == connection, state.isStale else { return }
            state.isStale = false
            for hub in Self.hubs(state) { hub.deliver(isStale: false) }
        }
    }

    private static func hubs(_ state: borrowing State) -> [Hub] {
        var unique: [ObjectIdentifier: Hub] = [:]
        for entry in state.entries.values {
            for hub in entry.hubs { unique[ObjectIdentifier(hub)] = hub }
        }
        return Array(unique.values)
    }
}

/// What the feed itself needs to know of a finished frame.
private struct IncomingNews: Decodable {
    var type: String
    var revision: Int?
    var confirmed: Int?
    var waitlisted: Int?
    var capacity: Int?
    var version: Int?

    var places: Places? {
        guard let revision, let confirmed, let waitlisted, let capacity else { return nil }
        return Places(revision: revision, confirmed: confirmed, waitlisted: waitlisted, capacity: capacity)
    }
}

extension Topic {
    /// The inverse of ``Topic/channel``.
    init?(channel: String) {
        let parts = channel.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 4, parts[0] == "em", parts[1] == "live" else { return nil }
        switch parts[2] {
        case "event": if let id = EventID(parts[3]) { self = .event(id) } else { return nil }
        case "me": if let id = UserID(parts[3]) { self = .person(id) } else { return nil }
        case "organizer": if let id = EventID(parts[3]) { self = .organizer(id) } else { return nil }
        default: return nil
        }
    }
}
