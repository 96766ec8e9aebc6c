import Domain
import FoundationEssentials
import Logging
import Persistence
import Postgres
import ServiceLifecycle
import Synchronization
import TestSupport
import Testing

@testable import notifications

@Suite("The webhooks' desk", .serialized, .timeLimit(.minutes(2)))
struct WebhookDispatcherTests {
    /// Runs a desk whose deliveries `deliver` makes, until `body` is through.
    private func serving(
        _ world: WebhookWorld, _ limits: WebhookDispatcher.Limits = .init(),
        deliver: @escaping @Sendable (WebhookJob) async throws -> Void,
        during body: (WebhookDispatcher) async throws -> Void
    ) async throws {
        let desk = WebhookDispatcher(store: world.store, limits: limits, logger: world.world.logger) { job, _ in
            try await deliver(job)
        }
        let group = ServiceGroup(services: [desk], logger: world.world.logger)
        async let over: Void = group.run()
        let outcome: Result<Void, any Error>
        do { outcome = .success(try await body(desk)) } catch { outcome = .failure(error) }
        await group.triggerGracefulShutdown()
        try await over
        try outcome.get()
    }

    /// Deliveries to dead receivers hang until `release`; the others arrive at once.
    private func delivered(_ limits: WebhookDispatcher.Limits, dead: Int, healthy: Int) async throws -> Bool {
        let isDone = Mutex(false)
        try await WebhookWorld.run { world in
            for _ in 0..<dead { _ = try await world.subscription(types: ["em.ticket.issued"]) }
            let lucky = try await world.subscription(types: ["em.event.cancelled"])
            try await world.plan(world.facts(50))
            try await world.plan(world.facts(healthy, "em.event.cancelled"))
            let hang = Latch()
            try await serving(
                world, limits,
                deliver: { job in
                    guard job.subscriptionID != lucky else { return try await world.delivered(job) }
                    await hang.wait()
                    try await world.failed(job, .retry(at: Date() + 60))
                },
                during: { desk in
                    // Time enough for thousands; those that hang would take for ever.
                    let deadline = ContinuousClock.now + .seconds(6)
                    while ContinuousClock.now < deadline {
                        desk.wake()
                        if try await world.log(lucky, .delivered).count == healthy {
                            isDone.withLock { $0 = true }
                            break
                        }
                        try await Task.sleep(for: .milliseconds(20))
                    }
                    hang.open()
                })
        }
        return isDone.withLock { $0 }
    }

    @Test("dead receivers delay nobody: a hundred deliveries arrive while those to five others hang")
    func isolated() async throws {
        #expect(try await delivered(.init(), dead: 5, healthy: 100))
    }

    @Test("control: without a share for each, those that hang take all the room, and nothing arrives")
    func control() async throws {
        var limits = WebhookDispatcher.Limits()
        limits.share = 1000
        limits.timeout = .seconds(3600)
        #expect(try await !delivered(limits, dead: 5, healthy: 100))
    }

    @Test("when the service stops, what is in hand is finished, and nothing new is taken")
    func draining() async throws {
        try await WebhookWorld.run { world in
            let subscription = try await world.subscription()
            try await world.plan(world.facts(20))
            let (started, go) = (Latch(), Latch())
            try await serving(
                world,
                deliver: { job in
                    started.open()
                    await go.wait()
                    try await world.delivered(job)
                },
                during: { _ in
                    await started.wait()
                    Task {
                        try await Task.sleep(for: .milliseconds(300))
                        go.open()
                    }
                })
            #expect(try await world.log(subscription, .delivered).count == 8)
            #expect(try await world.log(subscription, .queued).count == 12)
        }
    }
}

/// Holds everybody up until it is opened.
private final class Latch: Sendable {
    private let waiting = Mutex<[CheckedContinuation<Void, Never>]?>([])

    func wait() async {
        await withCheckedContinuation { continuation in
            let isOpen = waiting.withLock { waiting in
                waiting?.append(continuation)
                return waiting == nil
            }
            if isOpen { continuation.resume() }
        }
    }

    func open() {
        let held = waiting.withLock { waiting in
            defer { waiting = nil }
            return waiting ?? []
        }
        for continuation in held { continuation.resume() }
    }
}
