import CZlib
import HTTPTypes
import Hummingbird
import NIOCore

/// A large document, kept as gzip (RFC 1952) in pieces, and sent as it is or expanded.
struct CompressedDocument: Sendable {
    fileprivate let pieces: [ByteBuffer]
    /// Bytes before the compression.
    let length: Int
    /// Bytes as they are kept.
    let compressedLength: Int

    /// In bytes; what is shorter is sent as it is, since little would be saved.
    private static let worthCompressing = 64 << 10

    /// 200 with the document. `X-Content-Length` says how much it is once it is expanded, for a bar of progress.
    func response(to request: Request, _ headers: HTTPFields) -> Response {
        var headers = headers
        headers[.vary] = [headers[.vary], "Accept-Encoding"].compactMap(\.self).joined(separator: ", ")
        headers[.expandedLength] = "\(length)"
        if length >= Self.worthCompressing, Self.takesGzip(request.headers[.acceptEncoding]) {
            headers[.contentEncoding] = "gzip"
            return Response(status: .ok, headers: headers, body: ResponseBody(contentsOf: pieces))
        }
        return Response(
            status: .ok, headers: headers,
            body: ResponseBody(contentLength: length) { writer in
                let stream = ZlibStream(.expand)
                for piece in pieces {
                    for expanded in piece.withUnsafeReadableBytes({ stream.pass($0, isLast: false) }) {
                        try await writer.write(expanded)
                    }
                }
                try await writer.finish(nil)
            })
    }

    /// RFC 9110 §12.5.3, as far as it is about gzip.
    static func takesGzip(_ header: String?) -> Bool {
        (header ?? "").split(separator: ",").contains { coding in
            let parts = coding.filter { $0 != " " && $0 != "\t" }.lowercased().split(separator: ";")
            guard let name = parts.first, name == "gzip" || name == "*" else { return false }
            let quality = parts.dropFirst().first { $0.hasPrefix("q=") }.flatMap { Double($0.dropFirst(2)) }
            return quality ?? 1 > 0
        }
    }
}

/// Makes a ``CompressedDocument`` of parts, one after the other.
actor DocumentCompressor {
    private let stream = ZlibStream(.compress)
    private var pieces: [ByteBuffer] = []
    private var length = 0

    func append(_ part: [UInt8]) { compress(part, isLast: false) }

    /// To be called once, after all parts.
    func finish() -> CompressedDocument {
        compress([], isLast: true)
        return CompressedDocument(
            pieces: pieces, length: length, compressedLength: pieces.reduce(0) { $0 + $1.readableBytes })
    }

    private func compress(_ part: [UInt8], isLast: Bool) {
        length += part.count
        for piece in part.withUnsafeBytes({ stream.pass($0, isLast: isLast) }) {
            // It is kept for long: without room that stays empty.
            pieces.append(piece.writableBytes == 0 ? piece : ByteBuffer(bytes: piece.readableBytesView))
        }
    }
}

/// A compression or an expansion under way. Memory is the only thing that zlib can run out of here, and what is expanded
/// was compressed here, so failure is treated as that.
private final class ZlibStream {
    enum Direction { case compress, expand }

    private static let pieceBytes = 64 << 10

    /// At an address of its own: zlib keeps it.
    private let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    private let direction: Direction

    init(_ direction: Direction) {
        self.direction = direction
        stream.initialize(to: z_stream())
        // The fastest level, as what is in a manifest is mostly random. 31: the largest window, and the frame of gzip.
        let result = direction == .compress ? cz_deflate_init(stream, 1, 31, 8) : cz_inflate_gzip_init(stream)
        precondition(result == Z_OK, "zlib could not allocate")
    }

    deinit {
        if direction == .compress { deflateEnd(stream) } else { inflateEnd(stream) }
        stream.deallocate()
    }

    /// What comes out of the next bytes, in pieces.
    func pass(_ input: UnsafeRawBufferPointer, isLast: Bool) -> [ByteBuffer] {
        var pieces: [ByteBuffer] = []
        // zlib reads from `next_in`, though it isn't declared so.
        stream.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
        stream.pointee.avail_in = UInt32(input.count)
        repeat {
            var piece = ByteBuffer()
            piece.writeWithUnsafeMutableBytes(minimumWritableBytes: Self.pieceBytes) { output in
                stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
                stream.pointee.avail_out = UInt32(Self.pieceBytes)
                let result =
                    direction == .compress
                    ? deflate(stream, isLast ? Z_FINISH : Z_NO_FLUSH) : inflate(stream, Z_NO_FLUSH)
                // Z_BUF_ERROR: there was nothing more to do.
                precondition([Z_OK, Z_STREAM_END, Z_BUF_ERROR].contains(result), "zlib failed")
                return Self.pieceBytes - Int(stream.pointee.avail_out)
            }
            if piece.readableBytes > 0 { pieces.append(piece) }
            // Room is left: zlib has no more to say.
        } while stream.pointee.avail_out == 0
        return pieces
    }
}

extension HTTPField.Name {
    static let expandedLength = HTTPField.Name("X-Content-Length")!
}
