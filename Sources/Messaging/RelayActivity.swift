import Persistence
import Postgres
import Synchronization

/// The switch between polling and notifications: while the relay polls its partitions, commits need not wake it.
///
/// A NOTIFY holds a lock of the whole server until its commit is on disk. That costs nothing when commits are rare, and
/// limits the throughput of all commits when they are not; so under load the relay polls, and writers don't notify. The
/// broker's loop decides, on the session of the leases; the browsers' loop reads.
final class RelayActivity: Sendable {
    private struct Traffic {
        /// Notifications since the start of the window.
        var count = 0
        var windowStart = ContinuousClock.now
        var lastWork = ContinuousClock.now - .seconds(60)
    }

    /// Wake-ups in a window from which polling pays off.
    private static let busy = 10
    private static let window = Duration.milliseconds(250)
    /// Time without work after which the relay wants to be woken again.
    private static let idle = Duration.milliseconds(200)

    private let traffic = Mutex(Traffic())
    private let watching = Atomic<Bool>(false)

    /// Whether the loops have to poll.
    var isWatching: Bool { watching.load(ordering: .acquiring) }

    func set(watching isWatching: Bool) { watching.store(isWatching, ordering: .releasing) }

    /// Counts a wake-up by a commit.
    func noteWakeUp(now: ContinuousClock.Instant = .now) {
        traffic.withLock { traffic in
            if traffic.windowStart + Self.window < now {
                traffic.windowStart = now
                traffic.count = 0
            }
            traffic.count += 1
        }
    }

    /// Notes that a loop found work.
    func noteWork(now: ContinuousClock.Instant = .now) { traffic.withLock { $0.lastWork = now } }

    /// Whether commits are frequent and bring work.
    func isBusy(now: ContinuousClock.Instant = .now) -> Bool {
        traffic.withLock { traffic in
            traffic.count >= Self.busy && traffic.windowStart + Self.window >= now && traffic.lastWork + Self.idle > now
        }
    }

    func isIdle(now: ContinuousClock.Instant = .now) -> Bool {
        traffic.withLock { $0.lastWork + Self.idle <= now }
    }
}

/// The wait of the broker's loop between two rounds, for a wake-up or its next poll; switches between the two modes.
struct RelayIdle {
    private enum Way {
        /// Writers wake the relay.
        case woken
        /// The relay polls.
        case watching
        /// Writers wake the relay again, but some transactions in progress may not know yet; `next` tells when they are
        /// done.
        case unheard(next: Int)
    }

    let store: OutboxStore
    let watch: RelayActivity
    let brokerWake: WakeSignal
    let liveWake: WakeSignal
    private var way = Way.woken
    private var pause = Self.shortest

    private static let shortest = Duration.milliseconds(10)
    /// The poll interval while someone else's old transaction hides the answer.
    private static let longest = Duration.milliseconds(200)

    init(store: OutboxStore, watch: RelayActivity, brokerWake: WakeSignal, liveWake: WakeSignal) {
        self.store = store
        self.watch = watch
        self.brokerWake = brokerWake
        self.liveWake = liveWake
    }

    /// Makes writers wake the relay, whatever the mode was: at startup, and before partitions are handed over.
    mutating func beWoken(for partitions: [Int], on session: Session) async throws {
        guard !partitions.isEmpty else { return }
        way = .unheard(next: try await store.stopWatching(partitions: partitions, on: session))
        pause = Self.shortest
        watch.set(watching: true)
        liveWake.signal()
    }

    /// Returns when there may be work: at once if there is more.
    mutating func wait(hasMore: Bool, partitions: [Int], on session: Session) async throws {
        switch way {
        case .woken:
            if watch.isBusy(), !partitions.isEmpty {
                // Writers that commit from now on may not notify, so polling starts now.
                watch.set(watching: true)
                liveWake.signal()
                try await store.watch(partitions: partitions, on: session)
                way = .watching
            } else if !hasMore {
                await brokerWake.wait()
            }
        case .watching:
            if hasMore { return }
            if watch.isIdle() { return try await beWoken(for: partitions, on: session) }
            try await Task.sleep(for: Self.shortest)
        case .unheard(let next):
            if hasMore { return }
            if try await store.isUnheardOver(next, on: session) {
                way = .woken
                watch.set(watching: false)
                // One more poll for either loop, for commits since the last one that did not notify.
                liveWake.signal()
            } else {
                try await Task.sleep(for: pause)
                pause = min(pause * 2, Self.longest)
            }
        }
    }
}
