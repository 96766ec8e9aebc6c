import Domain
import NIOCore

/// One socket's subscription to one topic.
final class Subscription {
    /// The two hold each other until the session leaves the topic, which it does at the latest with its channel.
    let session: Session
    let listeners: TopicListeners
    fileprivate(set) var index = 0
    /// It has had its `subscribed` frame and takes part in the fan-out.
    fileprivate(set) var isConfirmed = false
    /// The revision that the socket has had, by snapshot or counts: it never gets the same or an older one.
    var revision = -1
    /// Counts left while the socket could take nothing; the latest follow when it can.
    var isBehind = false

    fileprivate init(_ session: Session, _ listeners: TopicListeners) {
        self.session = session
        self.listeners = listeners
    }
}

/// The sockets of one event loop that listen to one topic. Confined to that loop.
final class TopicListeners {
    let topic: Topic
    private unowned let hub: Hub
    private var members: [Subscription] = []
    private var counts: CountsConflation
    /// The frame of the latest counts, shared by all loops and sockets.
    private(set) var countsFrame: ByteBuffer?
    /// State that is not counts: its latest frame.
    private var keptFrame: ByteBuffer?
    /// Frames of this hand-out, one behind the other, so that each socket gets them in one write.
    private var gathered = ByteBuffer()
    private var gatheredFrames = 0
    /// The `subscribed` frame of the state now, made when first needed.
    private var welcomeFrame: ByteBuffer?
    private var isStale = false
    private(set) var isOpen = false

    init(_ topic: Topic, hub: Hub) {
        self.topic = topic
        self.hub = hub
        counts = CountsConflation(interval: hub.limits.countsInterval)
    }

    var isEmpty: Bool { members.isEmpty }

    /// Of the state that ``countsFrame`` and the next snapshot tell.
    var revision: Int { counts.latest?.revision ?? -1 }

    func add(_ session: Session) -> Subscription {
        let subscription = Subscription(session, self)
        subscription.index = members.count
        members.append(subscription)
        return subscription
    }

    func remove(_ subscription: Subscription) {
        let last = members.removeLast()
        guard last !== subscription else { return }
        members[subscription.index] = last
        last.index = subscription.index
    }

    /// Empties the topic and returns who was in it.
    func refuse() -> [Subscription] {
        defer { members = [] }
        return members
    }

    /// The state is known: everybody who waits for it gets it.
    func open(_ places: Places?, _ kept: ByteBuffer?, isStale: Bool) {
        sendGathered()
        if let places { counts.open(with: places) }
        keptFrame = kept
        isOpen = true
        self.isStale = isStale
        welcomeFrame = nil
        for subscription in members where !subscription.isConfirmed { welcome(subscription) }
    }

    /// Sends `subscribed` with the latest state, from which on the socket hears everything.
    func welcome(_ subscription: Subscription) {
        sendGathered()
        let frame = welcomeFrame ?? ServerMessage.subscribed(topic, counts.latest)
        welcomeFrame = frame
        subscription.isConfirmed = true
        subscription.revision = revision
        subscription.session.send(frame)
        if let keptFrame { subscription.session.send(keptFrame) }
        if isStale { subscription.session.send(ServerMessage.stale(topic)) }
    }

    func offer(_ places: Places, _ frame: ByteBuffer) {
        let now = NIODeadline.now()
        let previous = counts.latest
        let step = counts.offer(places, at: now)
        guard counts.latest != previous else { return }
        countsFrame = frame
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
    }

    /// A frame to everybody, and the latest of its kind also to whoever comes later.
    func keep(_ frame: ByteBuffer) {
        keptFrame = frame
        send(frame)
    }

    /// One frame to everybody, never conflated. During a hand-out it waits for its end, or for a buffer full of them.
    func send(_ frame: ByteBuffer) {
        if hub.isHandingOut, gatheredFrames == 0 { hub.gather(self) }
        if gatheredFrames == 0 {
            gathered = frame
        } else {
            var frame = frame
            gathered.writeBuffer(&frame)
        }
        gatheredFrames += 1
        if !hub.isHandingOut || gathered.readableBytes >= Self.gatheredBytes { sendGathered() }
    }

    /// As many bytes as one write hands to a socket at once.
    private static let gatheredBytes = 16 << 10

    func sendGathered() {
        guard gatheredFrames > 0 else { return }
        let (buffer, frames) = (gathered, gatheredFrames)
        (gathered, gatheredFrames) = (ByteBuffer(), 0)
        var sent = 0
        // Over a copy: a socket that is too slow for it leaves during the walk.
        for subscription in members where subscription.isConfirmed {
            if subscription.session.send(buffer, frames: frames) { sent += frames }
        }
        hub.metrics.sent(bytes: buffer.readableBytes / frames, to: sent)
    }

    func mark(isStale: Bool) {
        guard isOpen, self.isStale != isStale else { return }
        self.isStale = isStale
        send(isStale ? ServerMessage.stale(topic) : ServerMessage.fresh(topic))
    }
}
