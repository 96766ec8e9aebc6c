public import CoreMetrics
import FoundationEssentials
import Synchronization

/// A metrics backend for Prometheus: swift-metrics' counters, gauges, meters, recorders and timers, kept in memory and
/// written in the text exposition format 0.0.4.
///
/// Names: characters invalid in Prometheus become `_`; a counter gets `_total`, a timer `_seconds` (its values are
/// seconds). Every metric keeps at most ``maximumSeries`` label sets; further ones share one series with the label
/// `overflow="true"`, so that a careless label can't exhaust memory.
public final class PrometheusRegistry: MetricsFactory, Sendable {
    /// Maximum label sets per metric.
    public static let maximumSeries = 500

    /// Upper bounds, in seconds, of a timer's histogram.
    public static let timerBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
    /// Upper bounds of an aggregating recorder's histogram (batch sizes, bytes, counts).
    public static let recorderBuckets: [Double] = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 10_000, 100_000]

    private struct State {
        var families: [String: Family] = [:]
        var help: [String: String] = [:]
        var readings: [Reading] = []
    }

    private struct Family {
        let kind: MetricKind
        var series: [String: any Series] = [:]
    }

    /// A value that is read at the scrape instead of being kept up to date.
    private struct Reading {
        let name: String
        let kind: MetricKind
        let labels: String
        let read: @Sendable () -> Double
    }

    private let state = Mutex(State())

    public init() {}

    /// Sets a metric's HELP line. `name` as it is exposed.
    public func describe(_ name: String, _ help: String) {
        state.withLock { $0.help[name] = help }
    }

    /// Exposes a gauge whose value is read at each scrape.
    public func gauge(
        _ name: String, _ help: String, labels: [(String, String)] = [], read: @escaping @Sendable () -> Double
    ) {
        add(Reading(name: metricName(name), kind: .gauge, labels: labelText(labels), read: read), help)
    }

    /// Exposes a counter whose value is read at each scrape; the name should end in `_total`.
    public func counter(
        _ name: String, _ help: String, labels: [(String, String)] = [], read: @escaping @Sendable () -> Double
    ) {
        add(Reading(name: metricName(name), kind: .counter, labels: labelText(labels), read: read), help)
    }

    private func add(_ reading: Reading, _ help: String) {
        state.withLock {
            $0.readings.append(reading)
            $0.help[reading.name] = help
        }
    }

    // MARK: MetricsFactory

    public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        series(metricName(label, suffix: "_total"), .counter, dimensions) { CounterSeries() }
    }

    public func makeFloatingPointCounter(
        label: String, dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler {
        series(metricName(label, suffix: "_total"), .counter, dimensions) { FloatingPointCounterSeries() }
    }

    public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        series(metricName(label), .gauge, dimensions) { GaugeSeries() }
    }

    public func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        aggregate
            ? series(metricName(label), .histogram, dimensions) { HistogramSeries(bounds: Self.recorderBuckets) }
            : series(metricName(label), .gauge, dimensions) { GaugeSeries() }
    }

    public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        series(metricName(label, suffix: "_seconds"), .histogram, dimensions) {
            HistogramSeries(bounds: Self.timerBuckets)
        }
    }

    // Series live as long as the process: a counter that disappeared and returned at zero would look like a restart.
    public func destroyCounter(_ handler: any CounterHandler) {}
    public func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {}
    public func destroyMeter(_ handler: any MeterHandler) {}
    public func destroyRecorder(_ handler: any RecorderHandler) {}
    public func destroyTimer(_ handler: any TimerHandler) {}

    private func series<S: Series>(
        _ name: String, _ kind: MetricKind, _ labels: [(String, String)], make: () -> S
    ) -> S {
        let wanted = labelText(labels)
        return state.withLock { state in
            var family = state.families[name] ?? Family(kind: kind)
            // Two metrics of different kinds with one name: the later one is not exposed.
            guard family.kind == kind else { return make() }
            let key =
                family.series[wanted] != nil || family.series.count < Self.maximumSeries
                ? wanted : #"overflow="true""#
            if let known = family.series[key] as? S { return known }
            guard family.series[key] == nil else { return make() }
            let new = make()
            family.series[key] = new
            state.families[name] = family
            return new
        }
    }

    // MARK: Exposition

    /// The text of `/metrics`.
    public func exposition() -> String {
        let (families, help, readings) = state.withLock { ($0.families, $0.help, $0.readings) }
        var lines = Exposition()
        for (name, family) in families.sorted(by: { $0.key < $1.key }) {
            lines.head(name, family.kind, help[name])
            for (labels, series) in family.series.sorted(by: { $0.key < $1.key }) {
                series.write(name: name, labels: labels, to: &lines)
            }
        }
        for (name, group) in Dictionary(grouping: readings, by: \.name).sorted(by: { $0.key < $1.key }) {
            lines.head(name, group[0].kind, help[name])
            for reading in group { lines.sample(name, reading.labels, reading.read()) }
        }
        return lines.text
    }
}

/// `http.server.requests` → `http_server_requests`.
private func metricName(_ label: String, suffix: String = "") -> String {
    var name = ""
    for scalar in label.unicodeScalars {
        let isKnown = scalar.isASCII && (scalar.properties.isAlphabetic || scalar == "_" || scalar == ":")
        let isDigit = ("0"..."9").contains(scalar)
        if isDigit && name.isEmpty { name.append("_") }
        name.unicodeScalars.append(isKnown || isDigit ? scalar : "_")
    }
    return name.hasSuffix(suffix) ? name : name + suffix
}

/// `a="1",b="2"`, escaped as the text format requires.
private func labelText(_ labels: [(String, String)]) -> String {
    labels.map { key, value in
        let escaped = value.replacing("\\", with: #"\\"#).replacing("\"", with: "\\\"").replacing("\n", with: #"\n"#)
        return "\(metricName(key))=\"\(escaped)\""
    }.joined(separator: ",")
}
