import Bootstrap
import Logging
import ServiceLifecycle
import Synchronization
import Testing

/// A clock on which no time passes: whoever sleeps goes on at once, until there were so many pauses; the next lasts.
private final class NotingClock: Clock {
    private let limit: Int
    private let noted = Mutex<[Duration]>([])
    let now = ContinuousClock.now
    let minimumResolution = Duration.nanoseconds(1)

    init(pauses limit: Int) { self.limit = limit }

    var pauses: [Duration] { noted.withLock { $0 } }

    func sleep(until deadline: ContinuousClock.Instant, tolerance: Duration?) async throws {
        let isOver = noted.withLock { noted in
            noted.append(deadline - now)
            return noted.count > limit
        }
        if isOver { try await Task.sleep(for: .seconds(60)) }
    }
}

@Suite("A service that works in rounds", .timeLimit(.minutes(1)))
struct PeriodicServiceTests {
    @Test("a round comes after each pause, the first before it where that is wanted", arguments: [false, true])
    func rounds(atOnce: Bool) async throws {
        let clock = NotingClock(pauses: 100)
        let (done, finish) = AsyncStream.makeStream(of: Int.self)
        let service = PeriodicService(
            "Counting", every: .seconds(10), jitter: 0.5, atOnce: atOnce, clock: clock, from: 0
        ) { round in
            round += 1
            finish.yield(round)
        }
        #expect("\(service)" == "Counting")
        let running = Task { try await service.run() }
        let last = atOnce ? 101 : 100
        for await round in done where round == last { break }
        running.cancel()
        try await running.value
        let pauses = clock.pauses.prefix(100)
        #expect(pauses.allSatisfy { Duration.seconds(5)...(.seconds(15)) ~= $0 })
        #expect(Set(pauses).count > 90, "they are drawn")
    }

    @Test("without jitter the pauses are even")
    func even() async throws {
        let clock = NotingClock(pauses: 3)
        let (done, finish) = AsyncStream.makeStream(of: Void.self)
        let service = PeriodicService("Even", every: .seconds(10), clock: clock, from: 0) { round in
            round += 1
            if round == 3 { finish.finish() }
        }
        let running = Task { try await service.run() }
        for await _ in done {}
        running.cancel()
        try await running.value
        #expect(clock.pauses.prefix(3) == [.seconds(10), .seconds(10), .seconds(10)])
    }

    @Test("a round under way when the service stops is cancelled, or waited for", arguments: [true, false])
    func stopping(isCancelled: Bool) async throws {
        let (began, begin) = AsyncStream.makeStream(of: Void.self)
        let (gone, go) = AsyncStream.makeStream(of: Void.self)
        let wasCancelled = Mutex<Bool?>(nil)
        let service = PeriodicService(
            "Slow", every: .seconds(60), atOnce: true, atShutdown: isCancelled ? .cancelled : .finished
        ) {
            begin.finish()
            if isCancelled {
                do { try await Task.sleep(for: .seconds(60)) } catch {}
            } else {
                for await _ in gone {}
            }
            wasCancelled.withLock { $0 = Task.isCancelled }
        }
        var logger = Logger(label: "periodic")
        logger.logLevel = .critical
        let group = ServiceGroup(services: [service], logger: logger)
        let running = Task { try await group.run() }
        for await _ in began {}
        await group.triggerGracefulShutdown()
        go.finish()
        try await running.value
        #expect(wasCancelled.withLock { $0 } == isCancelled)
    }
}
