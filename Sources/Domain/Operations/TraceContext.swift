/// W3C Trace Context (level 1): the one correlation id from a request to its socket frame and email.
public struct TraceContext: Hashable, Sendable {
    /// 32 lower-case hexadecimal digits.
    public let traceID: String
    /// 16 lower-case hexadecimal digits: this hop.
    public let spanID: String
    /// The previous hop's, if there was one.
    public let parentSpanID: String?
    public let isSampled: Bool

    /// The context of the current work; every log line and outbox row takes its trace from here.
    @TaskLocal public static var current: TraceContext?

    /// A new trace.
    public init() {
        self.init(
            traceID: Self.spanID() + Self.spanID(), spanID: Self.spanID(), parentSpanID: nil, isSampled: true)
    }

    private init(traceID: String, spanID: String, parentSpanID: String?, isSampled: Bool) {
        self.traceID = traceID
        self.spanID = spanID
        self.parentSpanID = parentSpanID
        self.isSampled = isSampled
    }

    /// Parses a `traceparent` header; nil if it is malformed, as the specification requires.
    public init?(traceparent: String) {
        let parts = traceparent.split(separator: "-", omittingEmptySubsequences: false)
        func isHex(_ text: Substring, _ length: Int) -> Bool {
            text.utf8.count == length
                && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
                && text.utf8.contains { $0 != 0x30 }
        }
        guard parts.count >= 4, parts[0].utf8.count == 2, parts[0] != "ff", parts[0] != "00" || parts.count == 4,
            isHex(parts[1], 32), isHex(parts[2], 16), parts[3].utf8.count == 2, let flags = UInt8(parts[3], radix: 16)
        else { return nil }
        self.init(
            traceID: String(parts[1]), spanID: String(parts[2]), parentSpanID: nil, isSampled: flags & 1 == 1)
    }

    /// The same trace, one hop further.
    public func child() -> TraceContext {
        TraceContext(traceID: traceID, spanID: Self.spanID(), parentSpanID: spanID, isSampled: isSampled)
    }

    public var traceparent: String { "00-\(traceID)-\(spanID)-\(isSampled ? "01" : "00")" }

    /// 16 random hexadecimal digits, not all of them zeros.
    private static func spanID() -> String {
        // The lowest bit is set, which costs one of 64 bits.
        let value = UInt64.random(in: 0...UInt64.max) | 1
        return String(unsafeUninitializedCapacity: 16) { digits in
            for place in 0..<16 {
                let digit = UInt8(truncatingIfNeeded: value >> (60 - 4 * UInt64(place))) & 15
                digits[place] = digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
            }
            return 16
        }
    }
}
