import Domain
import NIOCore

/// One socket's subscription to one topic.
final class TopicSubscription {
    /// The two reference each other until the session leaves the topic, which it does at the latest with its channel.
    let session: Session
    let listeners: TopicListeners
    fileprivate(set) var index = 0
    /// It has got its `subscribed` frame and takes part in broadcasts.
    fileprivate(set) var isConfirmed = false
    /// The revision that the socket got, by snapshot or counts: it never gets the same or an older one.
    var revision = -1
    /// Counts were sent while the socket was not writable; the latest follow when it is.
    var isBehind = false

    fileprivate init(_ session: Session, _ listeners: TopicListeners) {
        self.session = session
        self.listeners = listeners
    }
}

/// The sockets of one event loop that are subscribed to one topic. Confined to that loop.
final class TopicListeners {
    let topic: Topic
    private unowned let hub: Hub
    private var members: [TopicSubscription] = []
    private var counts: CountsConflation
    /// The frame of the latest counts, shared by all loops and sockets.
    private(set) var countsFrame: ByteBuffer?
    private var countsPublishedAt: NIODeadline?
    private var kept: [KeptState: ByteBuffer] = [:]
    private var lastAnnouncement: AnnouncementID?
    /// Frames of this turn, concatenated, so that each socket gets them in one write.
    private var gathered = Gathered()
    /// The `subscribed` frame of the current state, created on demand.
    private var welcomeFrame: ByteBuffer?
    private var isStale = false
    private(set) var isOpen = false

    init(_ topic: Topic, hub: Hub) {
        self.topic = topic
        self.hub = hub
        counts = CountsConflation(interval: hub.limits.countsInterval)
    }

    var isEmpty: Bool { members.isEmpty }

    /// The revision of ``countsFrame`` and of the next snapshot.
    var revision: Int { counts.latest?.revision ?? -1 }

    func add(_ session: Session) -> TopicSubscription {
        let subscription = TopicSubscription(session, self)
        subscription.index = members.count
        members.append(subscription)
        return subscription
    }

    func remove(_ subscription: TopicSubscription) {
        let last = members.removeLast()
        guard last !== subscription else { return }
        members[subscription.index] = last
        last.index = subscription.index
    }

    /// Empties the topic and returns its subscriptions.
    func refuse() -> [TopicSubscription] {
        defer { members = [] }
        return members
    }

    /// Opens the topic with its state and sends it to everyone waiting.
    func open(_ state: TopicState) {
        sendGathered()
        if let places = state.places { counts.open(with: places) }
        kept = state.kept
        lastAnnouncement = state.lastAnnouncement
        isOpen = true
        isStale = state.isStale
        welcomeFrame = nil
        for subscription in members where !subscription.isConfirmed { welcome(subscription) }
    }

    /// Sends `subscribed` with the latest state; from then on the socket gets everything.
    func welcome(_ subscription: TopicSubscription) {
        sendGathered()
        let frame = welcomeFrame ?? ServerMessage.subscribed(topic, counts.latest, lastAnnouncement)
        welcomeFrame = frame
        subscription.isConfirmed = true
        subscription.revision = revision
        subscription.session.send(frame)
        for kind in KeptState.allCases {
            if let frame = kept[kind] { subscription.session.send(frame) }
        }
        if isStale { subscription.session.send(ServerMessage.stale(topic)) }
    }

    func offer(_ places: Places, _ frame: LiveFrame) {
        let now = NIODeadline.now()
        let previous = counts.latest
        let step = counts.offer(places, at: now)
        guard counts.latest != previous else { return }
        countsFrame = frame.bytes
        countsPublishedAt = frame.publishedAt
        welcomeFrame = nil
        switch step {
        case .send: sendCounts()
        case .flush(let moment):
            hub.eventLoop.assumeIsolated().scheduleTask(deadline: moment) { [weak self] in
                guard let self, counts.flush(at: .now()) else { return }
                sendCounts()
            }
        case .nothing: hub.metrics.countsConflated()
        }
    }

    private func sendCounts() {
        guard let countsFrame else { return }
        sendGathered()
        var sent = 0
        for subscription in members where subscription.isConfirmed {
            if subscription.session.sendCounts(countsFrame, of: subscription) { sent += 1 }
        }
        hub.metrics.sent(bytes: countsFrame.readableBytes, to: sent)
        if sent > 0, let countsPublishedAt { hub.wrote(countsPublishedAt) }
    }

    /// Sends a frame to everyone, and keeps the latest of its kind for later subscribers.
    func keep(_ kind: KeptState, _ frame: ByteBuffer) {
        kept[kind] = frame
        send(LiveFrame(bytes: frame))
    }

    func announce(_ id: AnnouncementID, _ frame: LiveFrame) {
        lastAnnouncement = id
        welcomeFrame = nil
        send(frame)
    }

    /// Sends one frame to everyone, never conflated. During a turn it waits for its end, or for a full buffer.
    func send(_ frame: LiveFrame) {
        if hub.isHandingOut, gathered.frames == 0 { hub.gather(self) }
        gathered.append(frame)
        if !hub.isHandingOut || gathered.bytes.readableBytes >= Self.gatheredBytes { sendGathered() }
    }

    /// Maximum number of bytes per write to a socket.
    private static let gatheredBytes = 16 << 10

    func sendGathered() {
        guard gathered.frames > 0 else { return }
        let leaving = gathered
        gathered = Gathered()
        var sent = 0
        // Over a copy: a socket that is too slow for it leaves during the walk.
        for subscription in members where subscription.isConfirmed {
            if subscription.session.send(leaving.bytes, frames: leaving.frames) { sent += leaving.frames }
        }
        hub.metrics.sent(bytes: leaving.bytes.readableBytes / leaving.frames, to: sent)
        if sent > 0 { leaving.published.forEach(hub.wrote) }
    }

    func mark(isStale: Bool) {
        guard isOpen, self.isStale != isStale else { return }
        self.isStale = isStale
        send(LiveFrame(bytes: isStale ? ServerMessage.stale(topic) : ServerMessage.fresh(topic)))
    }
}

/// Frames that are sent together.
private struct Gathered {
    private(set) var bytes = ByteBuffer()
    private(set) var frames = 0
    private(set) var published: [NIODeadline] = []

    mutating func append(_ frame: LiveFrame) {
        if frames == 0 {
            bytes = frame.bytes
        } else {
            bytes.writeImmutableBuffer(frame.bytes)
        }
        frames += 1
        if let moment = frame.publishedAt { published.append(moment) }
    }
}
