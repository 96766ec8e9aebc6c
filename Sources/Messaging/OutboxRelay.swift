public import AMQP
import Domain
import FoundationEssentials
public import Logging
import Persistence
public import Postgres
public import Redis
public import ServiceLifecycle
import Synchronization

/// The service that relays the outbox to RabbitMQ and to Redis; any number of instances run in parallel.
///
/// The outbox is partitioned by event, and each partition is leased by one relay at a time, by an advisory lock of its
/// session: so the facts of one event are published in the order of their `sequence`. A row is marked as published
/// after the broker's confirm and never before; one that was returned or nacked is retried, and the later facts of its
/// event wait for it. Redis and the broker are served by loops that don't wait for each other.
///
/// Relays count each other, and each holds its fair share of the partitions.
///
/// Woken by `NOTIFY` while commits are rare, polling while they are frequent (``RelayActivity``), and polling every
/// second in any case.
public final class OutboxRelay: Service, CustomStringConvertible {
    private let database: Database
    private let redis: RedisClient
    private let publisher: Publisher
    private let names: BrokerNames
    private let topology: Topology
    private let workers: [WorkerQueue]
    private let isBusy: @Sendable () -> Bool
    private let store = OutboxStore()
    private let leases = PartitionLeases()
    private let metrics = RelayMetrics()
    private let logger: Logger
    private let brokerWake = WakeSignal()
    private let liveWake = WakeSignal()
    private let watch = RelayActivity()
    private let stopping = Atomic<Bool>(false)
    private let missesQueue = Atomic<Bool>(false)

    /// Maximum number of rows claimed at once.
    static let batch = 1000
    /// Longer than any publish takes: a relay that is silent for so long is frozen, and loses its leases.
    private static let silence = 20
    private static let publishTimeout = Duration.seconds(8)
    /// No browser needs counts more often than this.
    private static let livePace = Duration.milliseconds(50)

    /// Connects to the broker in the background at once; relays once `run` is called. `redis` stays the caller's.
    /// - Parameter isBusy: whether the process has more urgent work at the moment. The relay then works a tenth of the
    ///   time: in a rush, registrations go first, and tickets follow moments later.
    public init(
        database: Database, broker: BrokerAddress, redis: RedisClient, topology: Topology = .emConnect,
        workers: [WorkerQueue] = WorkerQueue.all, names: BrokerNames = .emConnect,
        isBusy: @escaping @Sendable () -> Bool = { false }, logger: Logger
    ) {
        self.isBusy = isBusy
        self.database = database
        self.redis = redis
        self.names = names
        self.topology = topology
        self.workers = workers
        self.logger = logger
        publisher = Publisher(
            broker, name: "\(names.prefix)outbox-relay", publishTimeout: Self.publishTimeout, topology: topology,
            logger: logger)
    }

    public var description: String { "OutboxRelay" }

    /// The relay's connection to the broker, for readiness and queue statistics.
    public var broker: Publisher { publisher }

    /// How many of the 16 partitions this relay leases now.
    public var partitionCount: Int { leases.partitions.count }

    /// Relays until graceful shutdown (work in flight is finished) or cancellation.
    public func run() async throws {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.stopOnShutdown() }
            group.addTask { await self.listen() }
            group.addTask { await self.tick() }
            group.addTask { await self.keepTopology() }
            await relay()
            group.cancelAll()
        }
        await publisher.close()
    }

    private var isStopping: Bool { stopping.load(ordering: .acquiring) || Task.isCancelled }

    private func stopOnShutdown() async {
        // Throws if the relay is canceled: its loops notice that themselves.
        do { try await gracefulShutdown() } catch { return }
        stopping.store(true, ordering: .releasing)
        wake()
    }

    private func wake() {
        brokerWake.signal()
        liveWake.signal()
    }

    private func listen() async {
        for await _ in database.notifications(on: [OutboxStore.wakeChannel]) {
            watch.noteWakeUp()
            wake()
        }
    }

    /// Reconciles the topology periodically, and at once when an object is missing.
    private func keepTopology() async {
        var reconciler = TopologyReconciler(
            publisher: publisher, topology: topology, names: names, workers: workers, database: database,
            logger: logger)
        while !Task.isCancelled {
            do {
                try await reconciler.round()
            } catch {
                if !isStopping { logger.warning("topology not reconciled", metadata: ["error": "\(error)"]) }
            }
            let end = ContinuousClock.now + TopologyReconciler.interval
            while !isStopping, .now < end, !missesQueue.exchange(false, ordering: .acquiringAndReleasing) {
                do { try await Task.sleep(for: .milliseconds(200)) } catch { return }
            }
            if isStopping { return }
        }
    }

    /// The poll interval behind the notifications, and the clock of pauses and leases.
    private func tick() async {
        while !Task.isCancelled {
            do { try await Task.sleep(for: .seconds(1)) } catch { return }
            wake()
        }
    }

    /// Holds a session with the leases; opens another when it is lost.
    private func relay() async {
        var backOff = BackOff()
        while !isStopping {
            do {
                try await database.session { session in
                    defer { self.leases.forget() }
                    try await self.store.limitSilence(to: Self.silence, of: session)
                    try await self.store.announceRelay(on: session)
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        group.addTask { await self.serveBrowsers() }
                        try await self.serveBroker(on: session)
                        group.cancelAll()
                    }
                }
                backOff = BackOff()
            } catch {
                if isStopping { return }
                logger.warning("outbox relay lost its database session", metadata: ["error": "\(error)"])
            }
            if !isStopping { _ = await backOff.wait() }
        }
    }

    private func serveBroker(on session: Session) async throws {
        var relay = BrokerRelay(
            store: store, publisher: publisher, names: names, topology: topology, batch: Self.batch, metrics: metrics,
            logger: logger)
        var rest = RelayIdle(store: store, watch: watch, brokerWake: brokerWake, liveWake: liveWake)
        // Partitions that an earlier session polled have been taken over by now.
        watch.set(watching: false)
        var lastLook = ContinuousClock.now - .seconds(60)
        var lastMeasure = lastLook
        while !isStopping {
            if lastLook.duration(to: .now) >= .seconds(1) {
                try await relay.markConfirmed(on: session)
                try await balance(&relay, &rest, on: session)
                lastLook = .now
            }
            if lastMeasure.duration(to: .now) >= .seconds(5) {
                await measure()
                lastMeasure = .now
            }
            let partitions = leases.partitions
            let start = ContinuousClock.now
            let round = try await relay.round(partitions: partitions, on: session)
            if relay.missesQueue {
                missesQueue.store(true, ordering: .releasing)
                relay.queuesAreThere()
            }
            if round.foundWork {
                watch.noteWork()
                if isBusy() { try await relay.markConfirmed(on: session) }
                try await giveWay(after: start.duration(to: .now))
            }
            try await rest.wait(hasMore: round.hasMore, partitions: partitions, on: session)
        }
        try await relay.markConfirmed(on: session)
    }

    /// Acquires and releases partitions. Between rounds nothing is in flight; polling mode ends before partitions are
    /// released, and is never inherited.
    private func balance(_ relay: inout BrokerRelay, _ rest: inout RelayIdle, on session: Session) async throws {
        let before = leases.partitions
        let (rank, count) = try await store.relayPlace(on: session)
        let share = PartitionLeases.share(rank: rank, of: count)
        guard before.count != share else { return }
        if before.count > share { try await rest.beWoken(for: before, on: session) }
        guard try await leases.balance(to: share, store, on: session) else { return }
        try await rest.beWoken(for: leases.partitions, on: session)
        relay.forgetHeld()
        logger.info("outbox partition leases changed", metadata: ["partitions": "\(leases.partitions)"])
    }

    /// Yields while there is more urgent work: nine times as long as the round took, at most a second.
    private func giveWay(after work: Duration) async throws {
        let end = ContinuousClock.now + min(work * 9, .seconds(1))
        while !isStopping, isBusy(), .now < end { try await Task.sleep(for: .milliseconds(10)) }
    }

    /// Ends only with the relay: an unreachable Redis, or a lost session of this loop, affects nothing else.
    private func serveBrowsers() async {
        let relay = LiveRelay(
            store: store, redis: redis, batch: Self.batch, metrics: metrics, logger: logger)
        var backOff = BackOff()
        while !isStopping {
            do {
                try await database.session { session in
                    while !self.isStopping {
                        let start = ContinuousClock.now
                        let round = try await relay.round(partitions: self.leases.partitions, on: session)
                        if round.foundWork {
                            self.watch.noteWork()
                            try await self.giveWay(after: start.duration(to: .now))
                        }
                        if !round.hasMore, !self.watch.isWatching { await self.liveWake.wait() }
                        try await Task.sleep(for: Self.livePace)
                    }
                }
                backOff = BackOff()
            } catch {
                if isStopping { return }
                if backOff.isFresh { logger.warning("live updates not published yet", metadata: ["error": "\(error)"]) }
                _ = await backOff.wait()
            }
        }
    }

    /// Only the owner of the first partition measures the backlog: it is the same for all.
    private func measure() async {
        metrics.record(partitions: leases.partitions.count)
        guard leases.partitions.contains(0) else { return }
        do {
            let (count, oldest) = try await store.backlog(database)
            metrics.record(backlog: count, oldest: oldest, now: Date())
        } catch {
            logger.debug("outbox backlog not counted", metadata: ["error": "\(error)"])
        }
    }
}
