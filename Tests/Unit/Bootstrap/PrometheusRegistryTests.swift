import Bootstrap
import CoreMetrics
import Testing

@Suite("Metrics")
struct PrometheusRegistryTests {
    @Test("counters, gauges, meters and timers are written in the text format")
    func exposition() {
        let registry = PrometheusRegistry()
        registry.describe("jobs_total", "Jobs that were done.")
        Counter(label: "jobs", dimensions: [("kind", "a\"b\\\n")], factory: registry).increment(by: 2)
        Gauge(label: "depth", dimensions: [], factory: registry).record(2.5)
        Meter(label: "in.flight", dimensions: [], factory: registry).increment(by: 3)
        Timer(label: "wait", dimensions: [], factory: registry).recordNanoseconds(30_000_000)
        registry.gauge("pool_open", "Open connections.") { 4 }
        let text = registry.exposition()
        #expect(text.contains("# HELP jobs_total Jobs that were done.\n# TYPE jobs_total counter\n"))
        #expect(text.contains(#"jobs_total{kind="a\"b\\\n"} 2"# + "\n"))
        #expect(text.contains("depth 2.5\n"))
        #expect(text.contains("in_flight 3\n"))
        #expect(text.contains("# TYPE wait_seconds histogram\n"))
        #expect(text.contains(#"wait_seconds_bucket{le="0.025"} 0"#))
        #expect(text.contains(#"wait_seconds_bucket{le="0.05"} 1"#))
        #expect(text.contains(#"wait_seconds_bucket{le="+Inf"} 1"#))
        #expect(text.contains("wait_seconds_sum 0.03\n"))
        #expect(text.contains("wait_seconds_count 1\n"))
        #expect(text.contains("pool_open 4\n"))
    }

    @Test("the same labels are the same series")
    func sameSeries() {
        let registry = PrometheusRegistry()
        for _ in 0..<3 { Counter(label: "c", dimensions: [("a", "1")], factory: registry).increment() }
        #expect(registry.exposition().contains(#"c_total{a="1"} 3"#))
    }

    @Test("a label that never ends shares one series beyond the bound")
    func boundedLabels() {
        let registry = PrometheusRegistry()
        for number in 0..<(PrometheusRegistry.maximumSeries + 50) {
            Counter(label: "c", dimensions: [("id", "\(number)")], factory: registry).increment()
        }
        let text = registry.exposition()
        #expect(text.contains(#"c_total{overflow="true"} 50"#))
        #expect(text.split(separator: "\n").count == PrometheusRegistry.maximumSeries + 2)
    }

    @Test("the process tells its memory and what was built")
    func process() {
        let registry = PrometheusRegistry()
        registry.exposeProcess(service: "unit")
        let text = registry.exposition()
        #expect(text.contains("process_resident_memory_bytes "))
        #expect(!text.contains("NaN"))
        #expect(text.contains(#"em_build_info{service="unit",version=""#))
    }
}
