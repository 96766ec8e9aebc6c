import CZlib
import HTTPTypes
import Hummingbird
import NIOCore

/// A large document, stored as gzip (RFC 1952) in chunks, and sent as it is or decompressed.
struct CompressedDocument: Sendable {
    fileprivate let pieces: [ByteBuffer]
    /// Bytes before compression.
    let length: Int
    /// Bytes as stored.
    let compressedLength: Int

    /// In bytes; shorter documents are sent uncompressed, because little would be saved.
    private static let worthCompressing = 64 << 10

    /// 200 with the document. `X-Content-Length` is its decompressed size, for a progress bar.
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

    /// RFC 9110 §12.5.3, for gzip only.
    static func takesGzip(_ header: String?) -> Bool {
        (header ?? "").split(separator: ",").contains { coding in
            let parts = coding.filter { $0 != " " && $0 != "\t" }.lowercased().split(separator: ";")
            guard let name = parts.first, name == "gzip" || name == "*" else { return false }
            let quality = parts.dropFirst().first { $0.hasPrefix("q=") }.flatMap { Double($0.dropFirst(2)) }
            return quality ?? 1 > 0
        }
    }
}

/// Builds a ``CompressedDocument`` from parts.
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
            // It is kept for long, so without spare capacity.
            pieces.append(piece.writableBytes == 0 ? piece : ByteBuffer(bytes: piece.readableBytesView))
        }
    }
}

/// A compression or decompression in progress. Running out of memory is the only way zlib can fail here, because it
/// decompresses only what was compressed here; so failure is treated as that.
private final class ZlibStream {
    enum Direction { case compress, expand }

    private static let pieceBytes = 64 << 10

    /// At a stable address: zlib keeps it.
    private let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    private let direction: Direction

    init(_ direction: Direction) {
        self.direction = direction
        stream.initialize(to: z_stream())
        // The fastest level, because a manifest is mostly random. 31: the largest window, and the gzip format.
        let result = direction == .compress ? cz_deflate_init(stream, 1, 31, 8) : cz_inflate_gzip_init(stream)
        precondition(result == Z_OK, "zlib could not allocate")
    }

    deinit {
        if direction == .compress { deflateEnd(stream) } else { inflateEnd(stream) }
        stream.deallocate()
    }

    /// The output for the next bytes, in chunks.
    func pass(_ input: UnsafeRawBufferPointer, isLast: Bool) -> [ByteBuffer] {
        var pieces: [ByteBuffer] = []
        // zlib only reads from `next_in`, though it isn't declared so.
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
            // Space is left: zlib has no more output.
        } while stream.pointee.avail_out == 0
        return pieces
    }
}

extension HTTPField.Name {
    static let expandedLength = HTTPField.Name("X-Content-Length")!
}
