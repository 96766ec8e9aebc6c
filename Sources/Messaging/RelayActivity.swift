import Persistence
import Postgres
import Synchronization

/// Whether the relay looks at its partitions all the time, so that commits need not wake it.
///
/// A NOTIFY holds a lock of the whole server until its commit is on disk. That is nothing when commits are rare, and the
/// ceiling of all commits together when they are not; so under load the relay watches, and writers keep silent. The
/// broker's loop decides, on the session of the leases; the browsers' loop reads.
final class RelayActivity: Sendable {
    private struct Traffic {
        /// Notifications since the start of the window.
        var count = 0
        var windowStart = ContinuousClock.now
        var lastWork = ContinuousClock.now - .seconds(60)
    }

    /// So many wake-ups in a window make it worth while to watch.
    private static let busy = 10
    private static let window = Duration.milliseconds(250)
    /// Without work for so long, the relay wants to be woken again.
    private static let idle = Duration.milliseconds(200)

    private let traffic = Mutex(Traffic())
    private let watching = Atomic<Bool>(false)

    /// Whether the loops must look by themselves.
    var isWatching: Bool { watching.load(ordering: .acquiring) }

    func set(watching isWatching: Bool) { watching.store(isWatching, ordering: .releasing) }

    /// A commit has woken us.
    func noteWakeUp(now: ContinuousClock.Instant = .now) {
        traffic.withLock { traffic in
            if traffic.windowStart + Self.window < now {
                traffic.windowStart = now
                traffic.count = 0
            }
            traffic.count += 1
        }
    }

    /// A loop has found something to do.
    func noteWork(now: ContinuousClock.Instant = .now) { traffic.withLock { $0.lastWork = now } }

    /// Commits come often, and bring us work.
    func isBusy(now: ContinuousClock.Instant = .now) -> Bool {
        traffic.withLock { traffic in
            traffic.count >= Self.busy && traffic.windowStart + Self.window >= now && traffic.lastWork + Self.idle > now
        }
    }

    func isIdle(now: ContinuousClock.Instant = .now) -> Bool {
        traffic.withLock { $0.lastWork + Self.idle <= now }
    }
}

/// The broker's loop between two rounds: waits to be woken or for its next look, and moves between the two ways.
struct RelayIdle {
    private enum Way {
        /// Writers wake us.
        case woken
        /// We look by ourselves.
        case watching
        /// Writers wake us again, but some of those that are at work may not know yet; `next` tells when they are done.
        case unheard(next: Int)
    }

    let store: OutboxStore
    let watch: RelayActivity
    /// Rouse the loops.
    let brokerWake: WakeSignal
    let liveWake: WakeSignal
    private var way = Way.woken
    private var pause = Self.shortest

    private static let shortest = Duration.milliseconds(10)
    /// While an old transaction of somebody else's keeps us from knowing.
    private static let longest = Duration.milliseconds(200)

    init(store: OutboxStore, watch: RelayActivity, brokerWake: WakeSignal, liveWake: WakeSignal) {
        self.store = store
        self.watch = watch
        self.brokerWake = brokerWake
        self.liveWake = liveWake
    }

    /// Has writers wake us whatever was before: at the start, and before partitions change hands.
    mutating func beWoken(for partitions: [Int], on session: Session) async throws {
        guard !partitions.isEmpty else { return }
        way = .unheard(next: try await store.stopWatching(partitions: partitions, on: session))
        pause = Self.shortest
        watch.set(watching: true)
        liveWake.signal()
    }

    /// Returns when there may be something to do: at once with more at hand.
    mutating func wait(hasMore: Bool, partitions: [Int], on session: Session) async throws {
        switch way {
        case .woken:
            if watch.isBusy(), !partitions.isEmpty {
                // Whoever commits from here on may keep silent: from here on we look.
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
                // One more look for either loop: at what was committed unheard since the last one.
                liveWake.signal()
            } else {
                try await Task.sleep(for: pause)
                pause = min(pause * 2, Self.longest)
            }
        }
    }
}
