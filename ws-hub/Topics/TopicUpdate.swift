import Domain
import NIOCore
import Persistence
import Synchronization

/// A complete frame on its way to the sockets, which share its bytes.
struct LiveFrame: Sendable {
    var bytes: ByteBuffer
    /// When the relay published it; nil for updates from other sources.
    var publishedAt: NIODeadline?
}

/// A topic's state other than counts: the latest frame of each kind is kept for later subscribers.
enum KeptState: CaseIterable, Sendable {
    case checkIns
    case deliveryProblems
    case mailings
}

/// What a new subscriber to a topic gets.
struct TopicState: Sendable {
    var places: Places?
    /// The newest; a client that doesn't have it has missed something.
    var lastAnnouncement: AnnouncementID?
    /// Frames that follow the snapshot.
    var kept: [KeptState: ByteBuffer] = [:]
    /// Redis is unreachable: updates can be late.
    var isStale: Bool
}

/// The feed's update of a topic for a loop.
enum TopicUpdate: Sendable {
    /// The topic is subscribed to and its state was read: waiting subscribers get it.
    case opened(TopicState)
    /// There is no such topic for the public.
    case refused
    case counts(Places, LiveFrame)
    /// Goes to everyone, and the latest also to later subscribers.
    case kept(KeptState, ByteBuffer)
    /// Never conflated; later subscribers get the newest id.
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

/// The updates on their way to one loop, in order. Bounded by ``HubLimits/inboxBytes``: a caller whose delivery exceeds
/// it waits for ``Hub/catchUp()``.
struct Inbox {
    enum Item: Sendable {
        case topic(Topic, TopicUpdate)
        /// Redis's updates are no longer, or are again, complete.
        case stale(Bool)
    }

    fileprivate var items: [Item] = []
    fileprivate var taken = 0
    fileprivate var bytes = 0
    /// When the oldest of them arrived.
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
    /// Callable from any thread; the order of calls is preserved. Returns whether too much is waiting.
    @discardableResult
    func deliver(_ news: TopicUpdate, to topic: Topic) -> Bool {
        put(.topic(topic, news), bytes: news.bytes)
    }

    func deliver(isStale: Bool) { put(.stale(isStale), bytes: 0) }

    /// Returns when the current contents of the inbox have been sent.
    func catchUp() async {
        while inbox.withLock({ $0.bytes > limits.inboxBytes }) {
            // the loop has ended: there are no subscribers
            do { try await eventLoop.submit {}.get() } catch { return }
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
        // One dispatch for everything that arrives until the loop's next turn.
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
