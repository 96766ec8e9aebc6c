import CoreMetrics

/// The metrics of ``RegistrationBatcher``.
struct RegistrationMetrics: Sendable {
    /// Requests that found the queue full.
    let overloaded: Counter
    private let batches: Recorder
    private let waits: CoreMetrics.Timer
    private let busy: Counter

    init(_ factory: any MetricsFactory) {
        overloaded = Counter(label: "em_registration_overloaded", factory: factory)
        batches = Recorder(label: "em_registration_batch_size", dimensions: [], aggregate: true, factory: factory)
        waits = CoreMetrics.Timer(label: "em_registration_wait", factory: factory)
        busy = Counter(label: "em_registration_busy", factory: factory)
    }

    /// - Parameter since: when each request of the batch arrived; its response is sent now.
    func record(batch size: Int, since: [ContinuousClock.Instant], busy: Int) {
        guard size > 0 else { return }
        batches.record(size)
        let now = ContinuousClock.now
        for instant in since {
            let (seconds, attoseconds) = (now - instant).components
            waits.recordNanoseconds(seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
        }
        if busy > 0 { self.busy.increment(by: busy) }
    }
}
