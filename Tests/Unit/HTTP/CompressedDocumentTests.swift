import HTTPTypes
import Hummingbird
import NIOCore
import Synchronization
import Testing

@testable import api_service

@Suite("A document that is kept compressed")
struct CompressedDocumentTests {
    @Test("a large document is sent as gzip to those who take it, a small one as it is", arguments: [100, 1 << 20])
    func compressed(size: Int) async throws {
        let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 3) }
        let compressor = DocumentCompressor()
        for part in [bytes[..<50], bytes[50...]] { await compressor.append(Array(part)) }
        let document = await compressor.finish()
        #expect(document.length == size)
        func send(_ accepted: String) async throws -> (encoding: String?, body: ByteBuffer) {
            let head = HTTPRequest(
                method: .get, scheme: nil, authority: nil, path: "/", headerFields: [.acceptEncoding: accepted])
            let answer = document.response(
                to: Request(head: head, body: RequestBody(buffer: ByteBuffer())), [.vary: "Authorization"])
            #expect(answer.headers[.vary] == "Authorization, Accept-Encoding")
            #expect(answer.headers[.expandedLength] == "\(size)")
            let writer = CollectedBody()
            try await answer.body.write(writer)
            #expect(
                answer.headers[.contentLength].map { Int($0) } ?? answer.body.contentLength
                    == writer.bytes.value.readableBytes)
            return (answer.headers[.contentEncoding], writer.bytes.value)
        }
        for refusing in ["", "br", "gzip;q=0", "identity"] {
            let sent = try await send(refusing)
            #expect(sent.encoding == nil && Array(sent.body.readableBytesView) == bytes, "\(refusing)")
        }
        for taking in ["gzip", "br, GZIP;q=0.5", "*"] {
            let sent = try await send(taking)
            #expect((sent.encoding == "gzip") == (size > 100), "\(taking)")
            #expect(sent.body.readableBytesView.starts(with: [0x1f, 0x8b]) == (size > 100))
        }
    }
}

/// What a response's body writes.
private struct CollectedBody: ResponseBodyWriter {
    final class Bytes: Sendable {
        private let buffer = Mutex(ByteBuffer())
        var value: ByteBuffer { buffer.withLock { $0 } }
        func append(_ more: ByteBuffer) { buffer.withLock { _ = $0.writeImmutableBuffer(more) } }
    }
    let bytes = Bytes()

    mutating func write(_ buffer: ByteBuffer) async throws { bytes.append(buffer) }
    consuming func finish(_ trailingHeaders: HTTPFields?) async throws {}
}
