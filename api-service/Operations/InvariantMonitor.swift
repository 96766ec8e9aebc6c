import Logging
import Persistence
import ServiceLifecycle

/// Checks the invariants when an administrator asks, in the background and a second at a time, and keeps the last
/// result: for a small site they wait for it, for a large one they get the last result with its age.
actor InvariantMonitor: Service, CustomStringConvertible {
    struct Finding: Sendable {
        var report: InvariantReport
        var took: Duration
        var beganAt: ContinuousClock.Instant
        var endedAt: ContinuousClock.Instant
    }

    /// Checks take at most 1/20 of the time, however often a recent result is requested.
    private static let share = 20
    /// How long one part of a check takes, and how long the database rests before the next.
    private static let stretch = Duration.seconds(1)
    private static let rest = Duration.milliseconds(100)
    /// Between attempts while another instance or a terminal is checking.
    private static let retryAfter = Duration.seconds(1)

    nonisolated var description: String { "InvariantMonitor" }

    private let store: InvariantStore
    private let stuckAfter: Int
    private let logger: Logger
    private let (asked, ask) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    private var last: Finding?
    private var failure: (error: any Error, at: ContinuousClock.Instant)?

    init(_ store: InvariantStore, stuckAfter: Int, logger: Logger) {
        self.store = store
        self.stuckAfter = stuckAfter
        self.logger = logger
    }

    func run() async throws {
        for await _ in asked.cancelOnGracefulShutdown() {
            await cancelWhenGracefulShutdown { await self.look() }
        }
    }

    /// The result of a check that began at most `age` ago; starts one if there is none, and waits for it up to `limit`.
    /// After that, the previous result; nil if there is none.
    /// - Throws: the check's error.
    func finding(noOlderThan age: Duration, within limit: Duration) async throws -> Finding? {
        let began = ContinuousClock.now
        var isAsked = false
        while true {
            if let last {
                let enough = age == .zero ? .zero : max(age, last.took * Self.share)
                if last.beganAt + enough >= began { return last }
            }
            if let failure, failure.at >= began { throw failure.error }
            if !isAsked { ask.yield() }
            isAsked = true
            guard .now < began + limit else { return last }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    private func look() async {
        let began = ContinuousClock.now
        do {
            var progress = InvariantStore.Progress(stuckAfter: stuckAfter)
            while !progress.isOver {
                do {
                    progress = try await store.advance(progress, until: .now + Self.stretch)
                } catch is InvariantStore.AlreadyRunning {
                    try await Task.sleep(for: Self.retryAfter)
                }
                if !progress.isOver { try await Task.sleep(for: Self.rest) }
            }
            last = Finding(report: progress.report, took: .now - began, beganAt: began, endedAt: .now)
        } catch {
            guard !Task.isCancelled else { return }
            logger.warning("invariants not checked", metadata: ["error": "\(error)"])
            failure = (error, .now)
        }
    }
}
