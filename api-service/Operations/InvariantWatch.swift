import Persistence

/// Looks at the invariants for administrators, and keeps what it found last: a small site is looked at while they wait, a large
/// one goes on by some seconds with each look, from event to event.
actor InvariantWatch {
    struct Finding: Sendable {
        var report: InvariantReport
        var took: Duration
        var endedAt: ContinuousClock.Instant
    }

    private let store: InvariantStore
    private let stuckAfter: Int
    private var underWay: (progress: InvariantStore.Progress, took: Duration)?
    private var last: Finding?
    private var isBusy = false

    init(_ store: InvariantStore, stuckAfter: Int) {
        self.store = store
        self.stuckAfter = stuckAfter
    }

    /// What was found last. When that is older than `age`, goes on looking first, for so long; nil when nothing was found so far.
    /// - Throws: `PostgresError`.
    func finding(noOlderThan age: Duration, within limit: Duration) async throws -> Finding? {
        let clock = ContinuousClock()
        let (asked, end) = (clock.now, clock.now + limit)
        if let last, last.endedAt + age > asked { return last }
        // Whoever comes meanwhile hears what is known.
        guard !isBusy else { return last }
        isBusy = true
        defer { isBusy = false }
        // First what an earlier look began.
        if underWay != nil {
            guard try await advance(until: end), clock.now < end else { return last }
        }
        _ = try await advance(until: end)
        return last
    }

    /// True when a look has ended.
    private func advance(until end: ContinuousClock.Instant) async throws -> Bool {
        let began = ContinuousClock.now
        let (before, took) = underWay ?? (InvariantStore.Progress(stuckAfter: stuckAfter), .zero)
        let progress: InvariantStore.Progress
        do {
            progress = try await store.advance(before, until: end)
        } catch is InvariantStore.AlreadyRunning {
            // Another instance is at it, or somebody at a terminal.
            return false
        }
        let now = ContinuousClock.now
        guard progress.isOver else {
            underWay = (progress, took + (now - began))
            return false
        }
        last = Finding(report: progress.report, took: took + (now - began), endedAt: now)
        underWay = nil
        return true
    }
}
