import Domain
import Logging
import NIOCore
import Persistence
import Synchronization

/// The sockets and topics of one event loop.
///
/// Unchecked Sendable because it is confined to its loop: everything but `eventLoop`, `deliver` and the two atomic
/// numbers is touched on the loop only, so there are no locks, and a fan-out is a walk over an array.
final class Hub: @unchecked Sendable {
    let eventLoop: any EventLoop
    let limits: HubLimits
    let metrics: HubMetrics
    let access: HubAccess
    let logger: Logger
    /// For `/metrics`, from any thread.
    let socketCount = Atomic<Int>(0)
    let topicCount = Atomic<Int>(0)

    private let feed: LiveUpdateFeed
    private let census: SocketCensus
    private var sessions: [Session] = []
    private var topics: [Topic: TopicListeners] = [:]
    private var sweep: RepeatedTask?

    init(
        eventLoop: any EventLoop, feed: LiveUpdateFeed, access: HubAccess, limits: HubLimits, census: SocketCensus,
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
        census.leave(session.address)
        if sessions.isEmpty {
            sweep?.cancel()
            sweep = nil
        }
    }

    /// Pings, deadlines and expiries of all sockets in one walk a second: cheaper than timers for each.
    private func startSweeping() {
        guard sweep == nil else { return }
        sweep = eventLoop.scheduleRepeatedTask(initialDelay: .seconds(1), delay: .seconds(1)) { [weak self] _ in
            guard let self else { return }
            let now = NIODeadline.now()
            // From the end: a session that leaves during the walk is replaced by one already looked at.
            for index in sessions.indices.reversed() where index < sessions.count { sessions[index].sweep(at: now) }
        }
    }

    // MARK: Topics

    func subscribe(_ session: Session, to topic: Topic) -> Subscription {
        eventLoop.preconditionInEventLoop()
        if let listeners = topics[topic] {
            let subscription = listeners.add(session)
            if listeners.isOpen { listeners.welcome(subscription) }
            return subscription
        }
        let listeners = TopicListeners(topic, hub: self)
        topics[topic] = listeners
        topicCount.store(topics.count, ordering: .relaxed)
        let subscription = listeners.add(session)
        feed.join(topic, self)
        return subscription
    }

    func unsubscribe(_ subscription: Subscription) {
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

    // MARK: News

    /// What the feed tells a loop.
    enum News: Sendable {
        /// The topic is subscribed and its state was read: whoever waits gets it.
        case opened(Places?, isStale: Bool)
        /// There is no such topic for the public.
        case refused
        case counts(Places, frame: ByteBuffer)
        /// Anything that is not conflated.
        case other(frame: ByteBuffer)
    }

    /// From any thread; the order of calls is kept.
    func deliver(_ news: News, to topic: Topic) {
        eventLoop.execute { [self] in
            guard let listeners = topics[topic] else { return }
            switch news {
            case .opened(let places, let isStale): listeners.open(places, isStale: isStale)
            case .refused:
                for subscription in listeners.refuse() { subscription.session.refused(subscription) }
                drop(listeners)
            case .counts(let places, let frame): listeners.offer(places, frame)
            case .other(let frame): listeners.send(frame)
            }
        }
    }

    /// From any thread: what Redis brings is no longer, or is again, complete.
    func deliver(isStale: Bool) {
        eventLoop.execute { [self] in
            for listeners in topics.values { listeners.mark(isStale: isStale) }
        }
    }
}
