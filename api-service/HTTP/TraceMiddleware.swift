import Bootstrap
import CoreMetrics
import Domain
import FoundationEssentials
import HTTPTypes
import Hummingbird
import Logging
import Synchronization

extension HTTPField.Name {
    static let traceparent = HTTPField.Name("traceparent")!
    static let forwardedFor = HTTPField.Name("X-Forwarded-For")!
    static let csrf = HTTPField.Name("X-EM-CSRF")!
    static let idempotencyKey = HTTPField.Name("Idempotency-Key")!
}

/// Gives each request its trace, counts it and logs one line about it.
///
/// The line names the route, never the path: ids are private, and a query can contain anything.
struct TraceMiddleware: RouterMiddleware {
    typealias Context = APIContext

    let metrics: RequestMetrics

    func handle(
        _ request: Request, context: APIContext, next: (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        let received = request.headers[.traceparent].flatMap { TraceContext(traceparent: $0) }
        let trace = received?.child() ?? TraceContext()
        let start = ContinuousClock.now
        metrics.begin()
        defer { metrics.end() }
        return try await TraceContext.$current.withValue(trace) {
            var response = try await next(request, context)
            response.headers[.traceparent] = trace.traceparent
            let route = context.endpointPath ?? "NotFound"
            let elapsed = start.duration(to: .now)
            metrics.record(method: request.method, route: route, status: response.status, elapsed)
            Spans.record(
                "\(request.method.rawValue) \(route)", .server, trace, lasting: elapsed,
                hasFailed: response.status.kind == .serverError,
                [
                    ("http.request.method", request.method.rawValue), ("http.route", route),
                    ("http.response.status_code", "\(response.status.code)"),
                ])
            context.logger.info(
                "request",
                metadata: [
                    "method": "\(request.method.rawValue)", "route": "\(route)",
                    "status": .stringConvertible(response.status.code),
                    "duration_ms": .stringConvertible(elapsed.milliseconds),
                ])
            return response
        }
    }
}

extension Duration {
    /// With three decimals.
    var milliseconds: Double {
        let (seconds, attoseconds) = components
        return Double(seconds) * 1000 + (Double(attoseconds) / 1e12).rounded() / 1000
    }
}

/// Requests by method, route and status, cached so that counting one needs no label lookup.
final class RequestMetrics: Sendable {
    private struct Key: Hashable {
        var method: String
        var route: String
        var status: Int
    }

    private struct Pair {
        var count: Counter
        var duration: CoreMetrics.Timer
    }

    private let factory: any MetricsFactory
    private let inFlight: Meter
    private let known = Mutex<[Key: Pair]>([:])

    init(factory: any MetricsFactory) {
        self.factory = factory
        inFlight = Meter(label: "http_server_requests_in_flight", dimensions: [], factory: factory)
    }

    func begin() { inFlight.increment() }
    func end() { inFlight.decrement() }

    func record(method: HTTPRequest.Method, route: String, status: HTTPResponse.Status, _ elapsed: Duration) {
        // A made-up method must not create a label.
        let method = Self.methods.contains(method) ? method.rawValue : "other"
        let key = Key(method: method, route: route, status: status.code)
        let pair = known.withLock { known in
            if let pair = known[key] { return pair }
            let labels = [("method", key.method), ("route", key.route), ("status", "\(key.status)")]
            let pair = Pair(
                count: Counter(label: "http_server_requests", dimensions: labels, factory: factory),
                duration: Timer(label: "http_server_request_duration", dimensions: labels, factory: factory))
            known[key] = pair
            return pair
        }
        pair.count.increment()
        pair.duration.recordNanoseconds(Int64(elapsed.milliseconds * 1e6))
    }

    private static let methods: Set<HTTPRequest.Method> = [.get, .head, .post, .patch, .put, .delete, .options]
}
