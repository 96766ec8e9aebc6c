import Access
import Domain
import Logging
import NIOCore
import Persistence
import Synchronization

/// The sockets and topics of one event loop.
///
/// Unchecked Sendable because it is confined to its loop: everything except `eventLoop`, `deliver`, `isBehind` and the
/// two atomic numbers is accessed on the loop only, so there are no locks, and a broadcast is a walk over an array.
final class Hub: @unchecked Sendable {
    let eventLoop: any EventLoop
    let limits: HubLimits
    let metrics: HubMetrics
    let access: HubAccess
    let logger: Logger
    let census: SocketCensus
    /// For `/metrics`, from any thread.
    let socketCount = Atomic<Int>(0)
    let topicCount = Atomic<Int>(0)

    private let feed: LiveUpdateFeed
    private var sessions: [Session] = []
    private var topics: [Topic: TopicListeners] = [:]
    private var sweep: RepeatedTask?
    /// Updates waiting for this loop.
    let inbox = Mutex(Inbox())
    /// During a broadcast turn, sockets collect their writes and are flushed once at the end.
    private(set) var isHandingOut = false
    private var unflushed: [Session] = []
    private var gathering: [TopicListeners] = []
    /// The publish times of the updates that this turn writes.
    private var published: [NIODeadline] = []

    init(
        eventLoop: any EventLoop, feed: LiveUpdateFeed, access: HubAccess, limits: HubLimits,
        census: SocketCensus,
        metrics: HubMetrics, logger: Logger
    ) {
        self.eventLoop = eventLoop
        self.feed = feed
        self.access = access
        self.limits = limits
        self.census = census
        self.metrics = metrics
        self.logger = logger
    }

    // MARK: Sockets

    func enter(_ session: Session) {
        eventLoop.preconditionInEventLoop()
        session.indexInHub = sessions.count
        sessions.append(session)
        socketCount.store(sessions.count, ordering: .relaxed)
        metrics.socketOpened()
        startSweeping()
        let fromAddress = census.enter(session.address)
        if limits.areRatesLimited, fromAddress > limits.socketsPerAddress { session.close(.tooMany) }
    }

    /// Idempotent; the session has left its topics.
    func leave(_ session: Session) {
        eventLoop.preconditionInEventLoop()
        guard let index = session.indexInHub else { return }
        session.indexInHub = nil
        let last = sessions.removeLast()
        if last !== session {
            sessions[index] = last
            last.indexInHub = index
        }
        socketCount.store(sessions.count, ordering: .relaxed)
        census.leave(session.address, session.principal?.userID)
        if sessions.isEmpty {
            sweep?.cancel()
            sweep = nil
        }
    }

    /// From the end: a session that leaves during the walk is replaced by one already visited.
    func forEachSession(_ body: (Session) -> Void) {
        for index in sessions.indices.reversed() where index < sessions.count { body(sessions[index]) }
    }

    /// Checks pings, deadlines and expiries of all sockets in one pass per second: cheaper than timers for each.
    private func startSweeping() {
        guard sweep == nil else { return }
        sweep = eventLoop.scheduleRepeatedTask(initialDelay: .seconds(1), delay: .seconds(1)) {
            [weak self] _ in
            let now = NIODeadline.now()
            self?.forEachSession { $0.sweep(at: now) }
        }
    }

    // MARK: Topics

    func subscribe(_ session: Session, to topic: Topic) -> TopicSubscription {
        eventLoop.preconditionInEventLoop()
        if let listeners = topics[topic] {
            let subscription = listeners.add(session)
            if listeners.isOpen { welcome(subscription) }
            return subscription
        }
        let listeners = TopicListeners(topic, hub: self)
        topics[topic] = listeners
        topicCount.store(topics.count, ordering: .relaxed)
        let subscription = listeners.add(session)
        feed.join(topic, self)
        return subscription
    }

    /// Confirms a subscription to an open topic, for the first time or again.
    func welcome(_ subscription: TopicSubscription) {
        subscription.listeners.welcome(subscription)
        feed.repeatLines(for: subscription.listeners.topic)
    }

    func unsubscribe(_ subscription: TopicSubscription) {
        eventLoop.preconditionInEventLoop()
        let listeners = subscription.listeners
        listeners.remove(subscription)
        if listeners.isEmpty { drop(listeners) }
    }

    private func drop(_ listeners: TopicListeners) {
        guard topics[listeners.topic] === listeners else { return }
        topics[listeners.topic] = nil
        topicCount.store(topics.count, ordering: .relaxed)
        feed.leave(listeners.topic, self)
    }

    // MARK: Broadcasting

    /// One turn of the loop: part of the inbox, to all sockets, each flushed once.
    func handOut(_ items: [Inbox.Item]) {
        isHandingOut = true
        for item in items { handOut(item) }
        for listeners in gathering { listeners.sendGathered() }
        gathering = []
        isHandingOut = false
        let sessions = unflushed
        unflushed = []
        for session in sessions { session.flush() }
        let now = NIODeadline.now()
        for moment in published { metrics.written(after: now - moment) }
        published = []
    }

    private func handOut(_ item: Inbox.Item) {
        switch item {
        case .stale(let isStale): for listeners in topics.values { listeners.mark(isStale: isStale) }
        case .topic(let topic, let news):
            guard let listeners = topics[topic] else { return }
            switch news {
            case .opened(let state): listeners.open(state)
            case .refused:
                for subscription in listeners.refuse() { subscription.session.refused(subscription) }
                drop(listeners)
            case .counts(let places, let frame): listeners.offer(places, frame)
            case .kept(let kind, let frame): listeners.keep(kind, frame)
            case .announcement(let id, let frame): listeners.announce(id, frame)
            case .other(let frame): listeners.send(frame)
            }
        }
    }

    /// Notes that the session has written during the turn.
    func flushLater(_ session: Session) { unflushed.append(session) }

    /// Notes that an update published at that time has been written to sockets, or will have been at the end of this
    /// turn.
    func wrote(_ publishedAt: NIODeadline) {
        if isHandingOut { published.append(publishedAt) } else { metrics.written(after: .now() - publishedAt) }
    }

    /// Notes that the topic holds frames until the end of the turn.
    func gather(_ listeners: TopicListeners) { gathering.append(listeners) }
}
