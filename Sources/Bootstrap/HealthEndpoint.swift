import FoundationEssentials
import HTTPTypes
public import Hummingbird
import NIOCore
import Synchronization

/// A dependency of a service's readiness.
public struct ReadinessCheck: Sendable {
    /// Shown by `/readyz`: `postgres`, `rabbitmq`, …
    public let name: String
    /// Whether the service is useless without it; others are reported but don't make it unready.
    public let isRequired: Bool
    let check: @Sendable () async throws -> Void

    /// - Parameter check: returns if it is available, throws otherwise; must support cancellation.
    public init(_ name: String, isRequired: Bool = true, check: @escaping @Sendable () async throws -> Void) {
        self.name = name
        self.isRequired = isRequired
        self.check = check
    }
}

/// The endpoint for `/livez`, `/readyz` and `/metrics`.
///
/// Live means that the process responds; it never checks a dependency, or an outage of the database would restart every
/// service. Ready means that requests should be sent here: it turns 503 as soon as draining begins, while the listener
/// still responds, so that load balancers notice first.
public final class HealthEndpoint: Sendable {
    public let metrics: PrometheusRegistry
    private let checks: [ReadinessCheck]
    private let deadline: Duration
    private let draining = Atomic<Bool>(false)

    /// - Parameter deadline: how long one check can take before its dependency counts as missing.
    public init(metrics: PrometheusRegistry, checks: [ReadinessCheck], deadline: Duration = .seconds(2)) {
        self.metrics = metrics
        self.checks = checks
        self.deadline = deadline
    }

    /// Makes `/readyz` return 503. Called by ``runServices(_:health:settings:logger:)`` before anything stops.
    public func beginDraining() { draining.store(true, ordering: .relaxed) }

    /// Runs all checks concurrently.
    public func readiness() async -> Readiness {
        if draining.load(ordering: .relaxed) { return Readiness(isDraining: true, missing: [], degraded: []) }
        let deadline = deadline
        let failed = await withTaskGroup(of: (ReadinessCheck, Bool).self) { group in
            for check in checks {
                group.addTask { (check, await HealthEndpoint.passes(check, within: deadline)) }
            }
            return await group.reduce(into: [ReadinessCheck]()) { if !$1.1 { $0.append($1.0) } }
        }
        return Readiness(
            isDraining: false, missing: failed.filter(\.isRequired).map(\.name).sorted(),
            degraded: failed.filter { !$0.isRequired }.map(\.name).sorted())
    }

    private static func passes(_ check: ReadinessCheck, within deadline: Duration) async -> Bool {
        await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                do {
                    try await check.check()
                    return true
                } catch {
                    return false  // /readyz names it; the wrapper that lost the connection has logged why
                }
            }
            group.addTask {
                do { try await Task.sleep(for: deadline) } catch {}  // canceled: the check was faster
                return false
            }
            defer { group.cancelAll() }
            return await group.next() ?? false
        }
    }

    /// Adds the three routes; before any middleware, so that probes are neither logged nor counted.
    public func addRoutes<Routes: RouterMethods>(to router: Routes) {
        router.get("/livez") { _, _ in Self.answer(.ok, "text/plain; charset=utf-8", "live\n") }
        router.get("/readyz") { [self] _, _ in
            let readiness = await readiness()
            return Self.answer(
                readiness.isReady ? .ok : .serviceUnavailable, "application/json", readiness.json)
        }
        router.get("/metrics") { [metrics] _, _ in
            Self.answer(.ok, "text/plain; version=0.0.4; charset=utf-8", metrics.exposition())
        }
    }

    private static func answer(_ status: HTTPResponse.Status, _ type: String, _ body: String) -> Response {
        Response(
            status: status, headers: [.contentType: type, .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: body)))
    }
}

/// The state that `/readyz` reports.
public struct Readiness: Sendable, Equatable {
    public let isDraining: Bool
    /// Missing required dependencies.
    public let missing: [String]
    /// Missing dependencies that the service tolerates.
    public let degraded: [String]

    public var isReady: Bool { !isDraining && missing.isEmpty }

    /// `{"status":"ready|unavailable|draining","missing":[…],"degraded":[…]}`
    public var json: String {
        let status = isDraining ? "draining" : missing.isEmpty ? "ready" : "unavailable"
        func list(_ names: [String]) -> String { "[" + names.map { "\"\($0)\"" }.joined(separator: ",") + "]" }
        return #"{"status":"\#(status)","missing":\#(list(missing)),"degraded":\#(list(degraded))}"# + "\n"
    }
}
