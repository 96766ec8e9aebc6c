import NIOCore

/// Server frames as they go on the wire: never masked, never fragmented (RFC 6455 §5.2).
enum Frames {
    static func text(_ payload: some Collection<UInt8>) -> ByteBuffer {
        frame(0x81, payload)
    }

    static let ping: ByteBuffer = frame(0x89, EmptyCollection())

    static func pong(_ payload: ByteBuffer) -> ByteBuffer {
        frame(0x8A, payload.readableBytesView)
    }

    /// Without a code (the echo of a close frame without one), the payload is empty.
    static func close(_ code: UInt16?, reason: String = "") -> ByteBuffer {
        guard let code else { return frame(0x88, EmptyCollection()) }
        return frame(0x88, [UInt8(code >> 8), UInt8(code & 0xFF)] + Array(reason.utf8.prefix(123)))
    }

    private static func frame(_ firstByte: UInt8, _ payload: some Collection<UInt8>) -> ByteBuffer {
        let length = payload.count
        var buffer = ByteBufferAllocator().buffer(capacity: length + 10)
        buffer.writeInteger(firstByte)
        switch length {
        case ..<126: buffer.writeInteger(UInt8(length))
        case ..<65_536:
            buffer.writeInteger(UInt8(126))
            buffer.writeInteger(UInt16(length))
        default:
            buffer.writeInteger(UInt8(127))
            buffer.writeInteger(UInt64(length))
        }
        buffer.writeBytes(payload)
        return buffer
    }
}
