import CoreMetrics
import Domain
import FoundationEssentials
import Persistence

struct RelayMetrics: Sendable {
    /// Messages confirmed by the broker.
    let published = Counter(label: "em_relay_published")
    /// From the commit to the confirm.
    private let lag = CoreMetrics.Timer(label: "em_relay_lag")
    private let backlog = Gauge(label: "em_relay_backlog")
    private let oldest = Gauge(label: "em_relay_oldest_seconds")
    private let partitions = Gauge(label: "em_relay_partitions")
    /// Live updates that Redis accepted.
    let shown = Counter(label: "em_relay_live_updates")

    /// Counts a failed publish; `reason` is low-cardinality.
    func failed(_ reason: String) {
        Counter(label: "em_relay_failed", dimensions: [("reason", reason)]).increment()
    }

    func recordLag(of rows: [OutboxRow], now: Date) {
        for row in rows {
            lag.recordNanoseconds(Int64(max(0, now.timeIntervalSince(row.occurredAt)) * 1e9))
        }
    }

    func record(backlog: Int, oldest: Date?, now: Date) {
        self.backlog.record(backlog)
        self.oldest.record(oldest.map { max(0, now.timeIntervalSince($0)) } ?? 0)
    }

    func record(partitions: Int) { self.partitions.record(partitions) }
}
