import CoreMetrics
import DequeModule
import Domain
import FoundationEssentials
import Logging
import ServiceLifecycle
import Synchronization

/// An exporter of spans to an OpenTelemetry collector: OTLP 1.x over HTTP, in JSON.
///
/// What the collector doesn't accept waits in a bounded buffer; beyond that the oldest are dropped, and counted.
final class SpanExporter: Service, CustomStringConvertible {
    /// Maximum waiting spans, and spans per request.
    static let room = 4096
    static let batch = 512
    private static let interval = Duration.seconds(2)

    private let endpoint: CollectorRequest.Endpoint
    private let service: String
    private let logger: Logger
    private let waiting = Mutex<Deque<FinishedSpan>>([])
    private let sent = Counter(label: "em_spans_sent", dimensions: [])
    private let dropped = Counter(label: "em_spans_dropped", dimensions: [])

    /// - Parameter service: the value of `service.name`.
    init(endpoint: CollectorRequest.Endpoint, service: String, logger: Logger) {
        self.endpoint = endpoint
        self.service = service
        self.logger = logger
    }

    var description: String { "SpanExporter" }

    /// The waiting spans' names, for tests.
    var names: [String] { waiting.withLock { $0.map(\.name) } }

    /// Exports until graceful shutdown, including what was recorded until then.
    func run() async throws {
        Spans.collect { [weak self] in self?.take($0) }
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do { try await Task.sleep(for: Self.interval) } catch { break }
                while await self.export() {}
            }
        }
        Spans.collect(with: nil)
        _ = await export()
    }

    func take(_ span: FinishedSpan) {
        let isFull = waiting.withLock { waiting in
            waiting.append(span)
            if waiting.count <= Self.room { return false }
            waiting.removeFirst()
            return true
        }
        if isFull { dropped.increment() }
    }

    /// Sends one batch.
    /// - Returns: whether there may be another one that would be accepted.
    func export() async -> Bool {
        let spans = waiting.withLock { waiting in
            let spans = Array(waiting.prefix(Self.batch))
            waiting.removeFirst(spans.count)
            return spans
        }
        guard !spans.isEmpty else { return false }
        do {
            let status = try await CollectorRequest.post(
                try WireJSON.encode(SpanBatch(spans, of: service)), to: endpoint)
            switch status {
            case 200..<300: sent.increment(by: spans.count)
            // Retriable according to the specification.
            case 429, 502, 503, 504:
                giveBack(spans)
                return false
            default:
                dropped.increment(by: spans.count)
                logger.warning("spans refused", metadata: ["status": "\(status)"])
            }
            return spans.count == Self.batch
        } catch {
            logger.debug("spans not exported yet", metadata: ["error": "\(error)"])
            giveBack(spans)
            return false
        }
    }

    private func giveBack(_ spans: [FinishedSpan]) {
        let lost = waiting.withLock { waiting in
            let fitting = spans.suffix(max(0, Self.room - waiting.count))
            waiting.insert(contentsOf: fitting, at: 0)
            return spans.count - fitting.count
        }
        if lost > 0 { dropped.increment(by: lost) }
    }
}

/// An `ExportTraceServiceRequest` in OTLP's JSON: ids in hexadecimal, times as strings of nanoseconds.
struct SpanBatch: Encodable {
    struct Attribute: Encodable {
        struct Value: Encodable { var stringValue: String }
        var key: String
        var value: Value

        init(_ key: String, _ value: String) {
            self.key = key
            self.value = Value(stringValue: value)
        }
    }

    struct SpanJSON: Encodable {
        struct Status: Encodable { var code: Int }
        var traceId: String
        var spanId: String
        var parentSpanId: String?
        var name: String
        var kind: Int
        var startTimeUnixNano: String
        var endTimeUnixNano: String
        var attributes: [Attribute]
        var status: Status

        init(_ span: FinishedSpan) {
            traceId = span.trace.traceID
            spanId = span.trace.spanID
            parentSpanId = span.trace.parentSpanID
            name = span.name
            kind = span.kind.rawValue
            startTimeUnixNano = Self.nanoseconds(span.start)
            endTimeUnixNano = Self.nanoseconds(span.end)
            attributes = span.attributes.map { Attribute($0.name, $0.value) }
            // Unset, or an error.
            status = Status(code: span.hasFailed ? 2 : 0)
        }

        /// Through microseconds: the precision of a current `Date`.
        private static func nanoseconds(_ date: Date) -> String {
            String(Int64((date.timeIntervalSince1970 * 1e6).rounded()) * 1000)
        }
    }

    struct Resource: Encodable { var attributes: [Attribute] }
    struct Scope: Encodable {
        var name = "em-connect"
        var version = Build.version
    }
    struct ScopeSpans: Encodable {
        var scope = Scope()
        var spans: [SpanJSON]
    }
    struct ResourceSpans: Encodable {
        var resource: Resource
        var scopeSpans: [ScopeSpans]
    }

    var resourceSpans: [ResourceSpans]

    init(_ spans: [FinishedSpan], of service: String) {
        resourceSpans = [
            ResourceSpans(
                resource: Resource(attributes: [
                    Attribute("service.name", service), Attribute("service.namespace", "em-connect"),
                    Attribute("service.version", Build.version),
                ]), scopeSpans: [ScopeSpans(spans: spans.map(SpanJSON.init))])
        ]
    }
}
