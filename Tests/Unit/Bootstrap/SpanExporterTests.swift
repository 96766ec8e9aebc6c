import Domain
import FoundationEssentials
import Logging
import Testing

@testable import Bootstrap

@Suite("Spans for an OpenTelemetry collector")
struct SpanExporterTests {
    private struct Read: Decodable {
        struct Resource: Decodable {
            struct Scope: Decodable { var spans: [Span] }
            var scopeSpans: [Scope]
        }
        struct Span: Decodable {
            var traceId, spanId: String
            var parentSpanId: String?
            var name, startTimeUnixNano, endTimeUnixNano: String
            var kind: Int
        }
        var resourceSpans: [Resource]
    }

    @Test("a span is written as OTLP's JSON has it: hexadecimal ids, nanoseconds as text, its parent if it has one")
    func encoding() throws {
        let parent = try #require(TraceContext(traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"))
        let trace = parent.child()
        let end = Date(timeIntervalSince1970: 1_795_000_000.25)
        let span = FinishedSpan(
            name: "GET /api/v1/events", kind: .server, trace: trace, start: end - 0.125, end: end,
            attributes: [("http.route", "/api/v1/events")], hasFailed: false)
        let batch = SpanBatch([span], of: "api-service")
        let read = try WireJSON.decode(Read.self, from: WireJSON.encode(batch))
        let written = try #require(read.resourceSpans.first?.scopeSpans.first?.spans.first)
        #expect(written.traceId == "0af7651916cd43dd8448eb211c80319c" && written.parentSpanId == "b7ad6b7169203331")
        #expect(written.spanId == trace.spanID && written.spanId != "b7ad6b7169203331")
        #expect(written.startTimeUnixNano == "1795000000125000000" && written.endTimeUnixNano == "1795000000250000000")
        #expect(written.kind == 2 && written.name == "GET /api/v1/events")
        let first = FinishedSpan(
            name: "x", kind: .client, trace: TraceContext(), start: end, end: end, attributes: [], hasFailed: true)
        let text = String(decoding: try WireJSON.encode(SpanBatch([first], of: "x")), as: UTF8.self)
        #expect(!text.contains("parentSpanId") && text.contains("\"code\":2"))
    }

    @Test(
        "a collector is named by its address alone, over plain HTTP",
        arguments: [
            "https://collector:4318", "collector:4318", "http://", "http://user:word@collector", "http://collector?x=1",
            "",
        ])
    func refusedAddresses(_ text: String) {
        #expect(throws: Problem.self) { try CollectorRequest.Endpoint(text) }
    }

    @Test("what the collector doesn't take waits, the newest of it, and no more than there is room for")
    func bounded() async throws {
        let exporter = SpanExporter(
            endpoint: try .init("http://127.0.0.1:1"), service: "test", logger: Logger(label: "test"))
        for number in 0..<SpanExporter.room + 100 {
            exporter.take(
                FinishedSpan(
                    name: "\(number)", kind: .client, trace: TraceContext(), start: Date(), end: Date(), attributes: [],
                    hasFailed: false))
        }
        #expect(exporter.names.count == SpanExporter.room && exporter.names.first == "100")
        // Nobody listens on port 1.
        let hasMore = await exporter.export()
        #expect(!hasMore && exporter.names.count == SpanExporter.room && exporter.names.first == "100")
    }
}
