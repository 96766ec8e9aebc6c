import Bootstrap
import Testing

@Suite("Readiness")
struct HealthTests {
    private struct Away: Error {}

    private func endpoint(_ checks: [ReadinessCheck], deadline: Duration = .seconds(5)) -> HealthEndpoint {
        HealthEndpoint(metrics: PrometheusRegistry(), checks: checks, deadline: deadline)
    }

    @Test("what is required and missing is named; what is optional only degrades")
    func names() async {
        let readiness = await endpoint([
            ReadinessCheck("postgres") {}, ReadinessCheck("rabbitmq") { throw Away() },
            ReadinessCheck("redis", isRequired: false) { throw Away() },
        ]).readiness()
        #expect(readiness.missing == ["rabbitmq"])
        #expect(readiness.degraded == ["redis"])
        #expect(!readiness.isReady)
        #expect(readiness.json.contains(#""status":"unavailable","missing":["rabbitmq"]"#))
    }

    @Test("a check that hangs counts as missing after the deadline")
    func deadline() async {
        let readiness = await endpoint(
            [ReadinessCheck("postgres") { try await Task.sleep(for: .seconds(3600)) }], deadline: .milliseconds(20)
        ).readiness()
        #expect(readiness.missing == ["postgres"])
    }

    @Test("draining is never ready")
    func draining() async {
        let health = endpoint([ReadinessCheck("postgres") {}])
        #expect(await health.readiness().isReady)
        health.beginDraining()
        #expect(await !health.readiness().isReady)
        #expect(await health.readiness().json.contains("draining"))
    }
}
