import CoreMetrics
import Domain
import FoundationEssentials
import Logging
import Persistence
import ServiceLifecycle
import Synchronization

/// The dispatcher of webhooks: claims due deliveries, as many as there is room for.
///
/// Those of failing or slow receivers share part of the capacity, so that they delay no one else. Any number of
/// processes can run it; deliveries leased by a process that dies are due again when the lease expires.
final class WebhookDispatcher: Service, CustomStringConvertible {
    struct Limits: Sendable {
        /// Maximum deliveries in flight in total.
        var underWay = 128
        /// Those for healthy receivers. One whose response takes longer than `timeout` no longer counts.
        var well = 48
        var timeout = Duration.seconds(3)
        /// Those for receivers that fail, are slow, or have never responded.
        var troubled = 16
        /// Those of one subscription.
        var share = 8
        /// Lease of a delivery: longer than an attempt and its recording take.
        var lease = Duration.seconds(30)
    }

    private struct InHand {
        var isTroubled: Bool
        var since: ContinuousClock.Instant
    }

    private let store: WebhookStore
    private let limits: Limits
    private let logger: Logger
    private let inHand = Mutex<[WebhookDeliveryID: InHand]>([:])
    private let wakes: AsyncStream<Void>
    private let waker: AsyncStream<Void>.Continuation
    private let deliver: @Sendable (WebhookJob, ContinuousClock.Instant) async throws -> Void
    private let waiting = Gauge(label: "em_webhook_waiting")
    private let oldest = Gauge(label: "em_webhook_oldest_due_seconds")

    /// The poll interval without a wake-up: for what others have planned, and what is due for a retry.
    private static let interval = Duration.seconds(1)
    private static let looksToBacklog = 10
    /// Pause after another process had the lock.
    private static let breath = Duration.milliseconds(50)

    init(
        store: WebhookStore, limits: Limits = .init(), logger: Logger,
        deliver: @escaping @Sendable (WebhookJob, ContinuousClock.Instant) async throws -> Void
    ) {
        self.store = store
        self.limits = limits
        self.logger = logger
        self.deliver = deliver
        // Wake-ups sent while no one waits are coalesced.
        (wakes, waker) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    var description: String { "WebhookDispatcher" }

    /// Signals that something may be due.
    func wake() { waker.yield() }

    /// Runs until the service stops; then finishes what is in flight.
    func run() async throws {
        await withDiscardingTaskGroup { group in
            group.addTask { await self.look() }
            var isFailing = false
            for await _ in wakes {
                do {
                    for job in try await claim(in: &group) {
                        group.addTask { await self.handle(job) }
                    }
                    isFailing = false
                } catch {
                    if Task.isCancelled { return }
                    if !isFailing { logger.warning("webhook dispatch failed", metadata: ["error": "\(error)"]) }
                    isFailing = true
                }
            }
        }
    }

    /// Wakes the dispatcher periodically, and ends its loop when the service stops.
    private func look() async {
        await cancelWhenGracefulShutdown {
            var looks = 0
            while !Task.isCancelled {
                self.wake()
                if looks.isMultiple(of: Self.looksToBacklog) { await self.measure() }
                looks += 1
                do { try await Task.sleep(for: Self.interval) } catch { return }
            }
        }
        waker.finish()
    }

    private func claim(in group: inout DiscardingTaskGroup) async throws -> [WebhookJob] {
        let (well, troubled) = room()
        guard well > 0 || troubled > 0 else { return [] }
        let claimed = try await store.claim(
            limit: well, troubled: troubled, share: limits.share, lease: limits.lease / .seconds(1), now: Date())
        guard let claimed else {
            group.addTask {
                do { try await Task.sleep(for: Self.breath) } catch { return }
                self.wake()
            }
            return []
        }
        inHand.withLock { inHand in
            for job in claimed { inHand[job.id] = InHand(isTroubled: job.isTroubled, since: .now) }
        }
        return claimed
    }

    /// How many more of either kind can be claimed.
    private func room() -> (well: Int, troubled: Int) {
        let since = ContinuousClock.now - limits.timeout
        return inHand.withLock { inHand in
            let all = limits.underWay - inHand.count
            let troubled = limits.troubled - inHand.values.count(where: \.isTroubled)
            let well = limits.well - inHand.values.count { !$0.isTroubled && $0.since > since }
            let troubledRoom = max(0, min(all, troubled))
            return (max(0, min(all - troubledRoom, well)), troubledRoom)
        }
    }

    private func handle(_ job: WebhookJob) async {
        do {
            try await deliver(job, .now + limits.lease * 0.8)
        } catch is CancellationError {
            // The service was forced to stop; the delivery is due again when the lease expires.
        } catch {
            logger.error("webhook not settled", metadata: ["delivery_id": "\(job.id)", "error": "\(error)"])
        }
        inHand.withLock { inHand in inHand[job.id] = nil }
        wake()
    }

    private func measure() async {
        do {
            let now = Date()
            let backlog = try await store.backlog(now: now)
            waiting.record(backlog.waiting)
            oldest.record(backlog.oldestDue.map { max(0, now.timeIntervalSince($0)) } ?? 0)
        } catch {
            // Without the database nothing is delivered either; the loop logs that.
        }
    }
}
