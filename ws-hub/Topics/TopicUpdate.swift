import Domain
import NIOCore
import Persistence
import Synchronization

/// A finished frame on its way to the sockets, whose bytes they share.
struct LiveFrame: Sendable {
    var bytes: ByteBuffer
    /// When the relay published it; nil for what it did not bring.
    var publishedAt: NIODeadline?
}

/// State of a topic that is not counts: the latest frame of each kind is kept for whoever comes later.
enum KeptState: CaseIterable, Sendable {
    case checkIns
    case deliveryProblems
    case mailings
}

/// What somebody hears who comes to a topic.
struct TopicState: Sendable {
    var places: Places?
    /// The newest; who does not have it has missed something.
    var lastAnnouncement: AnnouncementID?
    /// Frames that follow the snapshot.
    var kept: [KeptState: ByteBuffer] = [:]
    /// Redis is away: news may be late.
    var isStale: Bool
}

/// What the feed tells a loop about a topic.
enum TopicUpdate: Sendable {
    /// The topic is subscribed and its state was read: whoever waits gets it.
    case opened(TopicState)
    /// There is no such topic for the public.
    case refused
    case counts(Places, LiveFrame)
    /// Goes to everybody, and the latest also to whoever comes later.
    case kept(KeptState, ByteBuffer)
    /// Never conflated; whoever comes later is told the newest id.
    case announcement(AnnouncementID, LiveFrame)
    /// Anything else that is not conflated.
    case other(LiveFrame)

    fileprivate var bytes: Int {
        switch self {
        case .opened, .refused: 0
        case .counts(_, let frame), .announcement(_, let frame), .other(let frame): frame.bytes.readableBytes
        case .kept(_, let frame): frame.readableBytes
        }
    }
}

/// TopicUpdate on its way to one loop, in order. Its bound is ``HubLimits/inboxBytes``: whoever puts something in and hears
/// that it is passed waits for ``Hub/catchUp()``.
struct Inbox {
    enum Item: Sendable {
        case topic(Topic, TopicUpdate)
        /// What Redis brings is no longer, or is again, complete.
        case stale(Bool)
    }

    fileprivate var items: [Item] = []
    fileprivate var taken = 0
    fileprivate var bytes = 0
    /// When the oldest of them came.
    fileprivate var since = NIODeadline.distantFuture

    /// The next items, up to a number of bytes; the first whatever its size.
    fileprivate mutating func take(_ limit: Int) -> [Item] {
        let start = taken
        var size = 0
        while taken < items.count {
            if case .topic(_, let news) = items[taken] {
                guard size == 0 || size + news.bytes <= limit else { break }
                size += news.bytes
            }
            taken += 1
        }
        bytes -= size
        defer {
            if taken == items.count {
                items.removeAll(keepingCapacity: items.capacity <= 256)
                taken = 0
            } else if taken >= 1024 {
                items.removeFirst(taken)
                taken = 0
            }
        }
        return Array(items[start..<taken])
    }
}

extension Hub {
    /// From any thread; the order of calls is kept. Returns whether too much waits already.
    @discardableResult
    func deliver(_ news: TopicUpdate, to topic: Topic) -> Bool {
        put(.topic(topic, news), bytes: news.bytes)
    }

    func deliver(isStale: Bool) { put(.stale(isStale), bytes: 0) }

    /// Returns when what was in the inbox has been handed out.
    func catchUp() async {
        while inbox.withLock({ $0.bytes > limits.inboxBytes }) {
            do { try await eventLoop.submit {}.get() } catch { return }  // the loop has ended: nobody listens any more
        }
    }

    @discardableResult
    private func put(_ item: Inbox.Item, bytes: Int) -> Bool {
        let (isFirst, isBehind) = inbox.withLock { inbox in
            inbox.items.append(item)
            inbox.bytes += bytes
            let isFirst = inbox.items.count == 1
            if isFirst { inbox.since = .now() }
            return (isFirst, inbox.bytes > limits.inboxBytes)
        }
        // One hand-over for all that comes until the loop turns to it.
        if isFirst { eventLoop.execute { self.takeTurn() } }
        return isBehind
    }

    private func takeTurn() {
        let (items, since, isMore) = inbox.withLock { inbox in
            (inbox.take(limits.turnBytes), inbox.since, !inbox.items.isEmpty)
        }
        handOut(items)
        metrics.delivered(after: .now() - since)
        // Not at once: between two turns the loop reads and writes its sockets.
        if isMore { eventLoop.execute { self.takeTurn() } }
    }
}
