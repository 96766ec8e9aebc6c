public import FoundationEssentials
import Synchronization

/// A finished piece of work, in OpenTelemetry's terms.
public struct FinishedSpan: Sendable {
    /// Numbered as in OTLP.
    public enum Kind: Int, Sendable {
        case server = 2
        case client = 3
        case consumer = 5
    }

    /// Low-cardinality: the route, the queue; never an id.
    public var name: String
    public var kind: Kind
    public var trace: TraceContext
    public var start: Date
    public var end: Date
    /// No personal data.
    public var attributes: [(name: String, value: String)]
    public var hasFailed: Bool

    public init(
        name: String, kind: Kind, trace: TraceContext, start: Date, end: Date,
        attributes: [(name: String, value: String)], hasFailed: Bool
    ) {
        self.name = name
        self.kind = kind
        self.trace = trace
        self.start = start
        self.end = end
        self.attributes = attributes
        self.hasFailed = hasFailed
    }
}

/// The span collector, if there is one; otherwise recording a span costs one flag check.
public enum Spans {
    public typealias Collector = @Sendable (FinishedSpan) -> Void

    private static let isCollected = Atomic<Bool>(false)
    private static let collector = Mutex<Collector?>(nil)

    /// Sends every span to `collect`, which must return at once; nil stops that.
    public static func collect(with collect: Collector?) {
        collector.withLock { $0 = collect }
        isCollected.store(collect != nil, ordering: .releasing)
    }

    /// Records work that ends now, unless its trace isn't sampled.
    /// - Parameter attributes: evaluated only if there is a collector.
    public static func record(
        _ name: @autoclosure () -> String, _ kind: FinishedSpan.Kind, _ trace: TraceContext, lasting: Duration,
        hasFailed: Bool = false, _ attributes: @autoclosure () -> [(name: String, value: String)]
    ) {
        guard isCollected.load(ordering: .acquiring), trace.isSampled,
            let collect = collector.withLock({ $0 })
        else { return }
        let end = Date()
        collect(
            FinishedSpan(
                name: name(), kind: kind, trace: trace, start: end.addingTimeInterval(-(lasting / .seconds(1))),
                end: end, attributes: attributes(), hasFailed: hasFailed))
    }
}
