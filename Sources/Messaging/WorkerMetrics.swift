import CoreMetrics

/// A worker's counters; `queue` is their label.
struct WorkerMetrics: Sendable {
    private let queue: String
    let parked: Counter
    /// Times a message had to wait for the database.
    let waits: Counter

    init(queue: String) {
        self.queue = queue
        parked = Counter(label: "em_worker_parked", dimensions: [("queue", queue)])
        waits = Counter(label: "em_worker_waits", dimensions: [("queue", queue)])
    }

    /// Counts a message by its outcome, with the time from its arrival until it is settled.
    func count(_ outcome: String, since started: ContinuousClock.Instant) {
        let labels = [("queue", queue), ("outcome", outcome)]
        Counter(label: "em_worker_messages", dimensions: labels).increment()
        let elapsed = started.duration(to: .now)
        CoreMetrics.Timer(label: "em_worker_message", dimensions: labels).recordNanoseconds(
            Int64(elapsed.seconds * 1e9))
    }
}
