import NIOCore

/// One client frame, its payload already unmasked.
struct ClientFrame {
    var isFinal = true
    /// Any of RSV1–3: no extension is negotiated, so none may be set.
    var hasReservedBits = false
    var opcode: UInt8
    var isMasked = true
    var payload = ByteBuffer()
}

/// Assembles messages from frames and enforces RFC 6455 §5: masking, fragments, control frames, UTF-8, close codes.
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

    /// A message with fragments still to come.
    private struct Partial {
        var payload = ByteBuffer()
        /// An error is found in the fragment that contains it, not only at the end.
        var text = UTF8Check()
    }

    /// Bytes of one message, all fragments together.
    private let maximumMessage: Int
    private var partial: Partial?

    init(maximumMessage: Int) { self.maximumMessage = maximumMessage }

    mutating func take(_ frame: ClientFrame) -> Outcome {
        guard frame.isMasked, !frame.hasReservedBits else { return .violation(.protocolError) }
        switch frame.opcode {
        case Opcode.close, Opcode.ping, Opcode.pong: return control(frame)
        case Opcode.text:
            guard partial == nil else { return .violation(.protocolError) }
            return data(frame, after: Partial())
        case Opcode.binary: return .violation(partial == nil ? .unsupportedData : .protocolError)
        case Opcode.continuation:
            guard let partial else { return .violation(.protocolError) }
            return data(frame, after: partial)
        default: return .violation(.protocolError)
        }
    }

    private mutating func data(_ frame: ClientFrame, after partial: Partial) -> Outcome {
        var whole = partial
        guard whole.payload.readableBytes + frame.payload.readableBytes <= maximumMessage else {
            return .violation(.tooBig)
        }
        guard whole.text.take(frame.payload.readableBytesView) else { return .violation(.invalidPayload) }
        if whole.payload.readableBytes == 0 {
            whole.payload = frame.payload
        } else {
            var payload = frame.payload
            whole.payload.writeBuffer(&payload)
        }
        guard frame.isFinal else {
            self.partial = whole
            return .incomplete
        }
        self.partial = nil
        guard whole.text.isComplete else { return .violation(.invalidPayload) }
        return .message(String(decoding: whole.payload.readableBytesView, as: UTF8.self))
    }

    private func control(_ frame: ClientFrame) -> Outcome {
        guard frame.isFinal, frame.payload.readableBytes <= 125 else {
            return .violation(.protocolError)
        }
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
        var reason = UTF8Check()
        guard reason.take(payload.readableBytesView), reason.isComplete else {
            return .violation(.invalidPayload)
        }
        return .close(code)
    }
}

/// An incremental UTF-8 check for arbitrarily split bytes, by Unicode's table of well-formed sequences (§3.9, table
/// 3-7): no overlong forms, no surrogates, nothing beyond U+10FFFF.
struct UTF8Check {
    /// Bytes missing from the current character.
    private var missing: UInt8 = 0
    /// The valid range of the next of them.
    private var low: UInt8 = 0x80
    private var high: UInt8 = 0xBF

    /// Whether the text so far ends with a complete character.
    var isComplete: Bool { missing == 0 }

    /// False as soon as no continuation can make it UTF-8.
    mutating func take(_ bytes: some Sequence<UInt8>) -> Bool {
        for byte in bytes {
            if missing > 0 {
                guard byte >= low, byte <= high else { return false }
                (low, high) = (0x80, 0xBF)
                missing -= 1
            } else if byte >= 0x80 {
                guard start(byte) else { return false }
            }
        }
        return true
    }

    private mutating func start(_ byte: UInt8) -> Bool {
        switch byte {
        case 0xC2...0xDF: missing = 1
        case 0xE0: (missing, low) = (2, 0xA0)
        case 0xED: (missing, high) = (2, 0x9F)
        case 0xE1...0xEF: missing = 2
        case 0xF0: (missing, low) = (3, 0x90)
        case 0xF1...0xF3: missing = 3
        case 0xF4: (missing, high) = (3, 0x8F)
        default: return false
        }
        return true
    }
}
