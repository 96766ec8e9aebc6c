import CoreMetrics
import Synchronization

/// Prometheus' metric types, as far as swift-metrics needs them.
enum MetricKind: String {
    case counter, gauge, histogram
}

/// One label set of one metric.
protocol Series: AnyObject, Sendable {
    func write(name: String, labels: String, to lines: inout Exposition)
}

/// Collects the lines of one scrape.
struct Exposition {
    private(set) var text = ""

    mutating func head(_ name: String, _ kind: MetricKind, _ help: String?) {
        if let help {
            text += "# HELP \(name) \(help.replacing("\\", with: #"\\"#).replacing("\n", with: #"\n"#))\n"
        }
        text += "# TYPE \(name) \(kind.rawValue)\n"
    }

    mutating func sample(_ name: String, _ labels: String, _ value: Double) {
        text += labels.isEmpty ? name : "\(name){\(labels)}"
        text += " \(number(value))\n"
    }

    /// Integers without a fraction, other numbers as Swift formats them; infinities and NaN in Prometheus' spelling.
    private func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value > 0 ? "+Inf" : "-Inf" }
        return value == value.rounded() && abs(value) < 1e15 ? "\(Int64(value))" : "\(value)"
    }
}

final class CounterSeries: CounterHandler, Series {
    private let count = Atomic<Int64>(0)

    /// A counter never decreases: negative amounts are ignored, and the sum saturates.
    func increment(by amount: Int64) {
        guard amount > 0 else { return }
        count.wrappingAdd(amount, ordering: .relaxed)
    }

    func reset() { count.store(0, ordering: .relaxed) }

    func write(name: String, labels: String, to lines: inout Exposition) {
        lines.sample(name, labels, Double(count.load(ordering: .relaxed)))
    }
}

final class FloatingPointCounterSeries: FloatingPointCounterHandler, Series {
    private let sum = Mutex(0.0)

    func increment(by amount: Double) {
        guard amount > 0, amount.isFinite else { return }
        sum.withLock { $0 += amount }
    }

    func reset() { sum.withLock { $0 = 0 } }

    func write(name: String, labels: String, to lines: inout Exposition) {
        lines.sample(name, labels, sum.withLock { $0 })
    }
}

final class GaugeSeries: MeterHandler, RecorderHandler, Series {
    private let value = Mutex(0.0)

    func set(_ new: Int64) { set(Double(new)) }
    func set(_ new: Double) { value.withLock { $0 = new } }
    func increment(by amount: Double) { value.withLock { $0 += amount } }
    func decrement(by amount: Double) { value.withLock { $0 -= amount } }
    func record(_ new: Int64) { set(Double(new)) }
    func record(_ new: Double) { set(new) }

    func write(name: String, labels: String, to lines: inout Exposition) {
        lines.sample(name, labels, value.withLock { $0 })
    }
}

final class HistogramSeries: RecorderHandler, TimerHandler, Series {
    private struct Counts {
        var buckets: [UInt64]
        var sum = 0.0
        var count: UInt64 = 0
    }

    private let bounds: [Double]
    private let counts: Mutex<Counts>

    /// - Parameter bounds: ascending upper bounds, without the infinite one.
    init(bounds: [Double]) {
        self.bounds = bounds
        counts = Mutex(Counts(buckets: Array(repeating: 0, count: bounds.count)))
    }

    func record(_ value: Int64) { record(Double(value)) }

    func record(_ value: Double) {
        guard value.isFinite else { return }
        let bucket = bounds.firstIndex { value <= $0 }
        counts.withLock {
            if let bucket { $0.buckets[bucket] += 1 }
            $0.sum += value
            $0.count += 1
        }
    }

    func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1e9) }

    func write(name: String, labels: String, to lines: inout Exposition) {
        let counts = counts.withLock { $0 }
        let prefix = labels.isEmpty ? "" : labels + ","
        var running: UInt64 = 0
        for (bound, count) in zip(bounds, counts.buckets) {
            running += count
            lines.sample("\(name)_bucket", "\(prefix)le=\"\(bound)\"", Double(running))
        }
        lines.sample("\(name)_bucket", "\(prefix)le=\"+Inf\"", Double(counts.count))
        lines.sample("\(name)_sum", labels, counts.sum)
        lines.sample("\(name)_count", labels, Double(counts.count))
    }
}
