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

    /// Without a code (an echo of a close frame that had none) the payload is empty.
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

/// One client frame, its payload already unmasked.
struct ClientFrame {
    var isFinal = true
    /// Any of RSV1–3: no extension was agreed on, so none may be set.
    var hasReservedBits = false
    var opcode: UInt8
    var isMasked = true
    var payload = ByteBuffer()
}

/// Makes messages of frames and holds clients to RFC 6455 §5: masking, fragments, control frames, UTF-8, close codes.
struct FrameAssembler {
    enum Outcome: Equatable {
        /// More fragments must come.
        case incomplete
        case message(String)
        case ping(ByteBuffer)
        case pong
        /// The client closes; its code, if it gave one.
        case close(UInt16?)
        case violation(CloseCode)
    }

    private enum Opcode {
        static let continuation: UInt8 = 0
        static let text: UInt8 = 1
        static let binary: UInt8 = 2
        static let close: UInt8 = 8
        static let ping: UInt8 = 9
        static let pong: UInt8 = 10
    }

    /// Bytes of one message, all fragments together.
    private let maximumMessage: Int
    /// The text so far, while fragments are still to come.
    private var partial: ByteBuffer?

    init(maximumMessage: Int) { self.maximumMessage = maximumMessage }

    mutating func take(_ frame: ClientFrame) -> Outcome {
        guard frame.isMasked, !frame.hasReservedBits else { return .violation(.protocolError) }
        switch frame.opcode {
        case Opcode.close, Opcode.ping, Opcode.pong: return control(frame)
        case Opcode.text:
            guard partial == nil else { return .violation(.protocolError) }
            return data(frame.payload, isFinal: frame.isFinal)
        case Opcode.continuation:
            guard var whole = partial else { return .violation(.protocolError) }
            var payload = frame.payload
            whole.writeBuffer(&payload)
            return data(whole, isFinal: frame.isFinal)
        case Opcode.binary: return .violation(partial == nil ? .unsupportedData : .protocolError)
        default: return .violation(.protocolError)
        }
    }

    private mutating func data(_ whole: ByteBuffer, isFinal: Bool) -> Outcome {
        guard whole.readableBytes <= maximumMessage else { return .violation(.tooBig) }
        guard isFinal else {
            partial = whole
            return .incomplete
        }
        partial = nil
        guard let text = String(validating: whole.readableBytesView, as: UTF8.self) else {
            return .violation(.invalidPayload)
        }
        return .message(text)
    }

    private func control(_ frame: ClientFrame) -> Outcome {
        guard frame.isFinal, frame.payload.readableBytes <= 125 else { return .violation(.protocolError) }
        switch frame.opcode {
        case Opcode.ping: return .ping(frame.payload)
        case Opcode.pong: return .pong
        default: break
        }
        var payload = frame.payload
        if payload.readableBytes == 0 { return .close(nil) }
        guard let code = payload.readInteger(as: UInt16.self), CloseCode.mayTravel(code) else {
            return .violation(.protocolError)
        }
        guard String(validating: payload.readableBytesView, as: UTF8.self) != nil else {
            return .violation(.invalidPayload)
        }
        return .close(code)
    }
}
