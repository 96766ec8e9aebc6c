import NIOCore
import Testing

@testable import ws_hub

@Suite("WebSocket frames by RFC 6455")
struct FrameAssemblerTests {
    private typealias Outcome = FrameAssembler.Outcome

    private func frame(_ opcode: UInt8, _ bytes: [UInt8], final: Bool = true) -> ClientFrame {
        ClientFrame(isFinal: final, opcode: opcode, payload: ByteBuffer(bytes: bytes))
    }

    private func take(_ frames: [ClientFrame]) -> [Outcome] {
        var assembler = FrameAssembler(maximumMessage: 100)
        return frames.map { assembler.take($0) }
    }

    @Test("fragments make one message, with control frames between them and a character cut in two")
    func fragments() {
        let text = Array("Grüße".utf8)
        let outcomes = take([
            frame(1, Array(text[..<3]), final: false), frame(9, [1, 2]), frame(0, [], final: false),
            frame(0, Array(text[3...])), frame(1, []),
        ])
        #expect(
            outcomes == [.incomplete, .ping(ByteBuffer(bytes: [1, 2])), .incomplete, .message("Grüße"), .message("")])
    }

    @Test("a client must mask, and set no reserved bit or opcode")
    func basics() {
        var unmasked = frame(1, [])
        unmasked.isMasked = false
        var reserved = frame(1, [])
        reserved.hasReservedBits = true
        #expect(take([unmasked]) == [.violation(.protocolError)])
        #expect(take([reserved]) == [.violation(.protocolError)])
        for opcode: UInt8 in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
            #expect(take([frame(opcode, [])]) == [.violation(.protocolError)])
        }
    }

    @Test("fragments out of order are a protocol error; binary is unsupported")
    func order() {
        #expect(take([frame(0, [])]) == [.violation(.protocolError)])
        #expect(take([frame(1, [], final: false), frame(1, [])]).last == .violation(.protocolError))
        #expect(take([frame(1, [], final: false), frame(2, [])]).last == .violation(.protocolError))
        #expect(take([frame(1, [], final: false), frame(0, []), frame(0, [])]).last == .violation(.protocolError))
        #expect(take([frame(2, [1])]) == [.violation(.unsupportedData)])
    }

    @Test("control frames are whole and at most 125 bytes")
    func control() {
        #expect(take([frame(9, [], final: false)]) == [.violation(.protocolError)])
        #expect(take([frame(9, [UInt8](repeating: 0, count: 126))]) == [.violation(.protocolError)])
        #expect(take([frame(10, [UInt8](repeating: 0, count: 125))]) == [.pong])
    }

    @Test(
        "text that is not UTF-8 is refused",
        arguments: [[0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xCE]])
    func notUTF8(bytes: [UInt8]) {
        #expect(take([frame(1, bytes)]) == [.violation(.invalidPayload)])
        #expect(take([frame(8, [3, 232] + bytes)]) == [.violation(.invalidPayload)])
    }

    @Test("a message is bounded over all its fragments")
    func bounded() {
        let piece = [UInt8](repeating: 65, count: 60)
        #expect(take([frame(1, piece, final: false), frame(0, piece)]) == [.incomplete, .violation(.tooBig)])
    }

    @Test(
        "close codes that may not travel are refused",
        arguments: zip(
            [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535],
            repeatElement(CloseCode.protocolError, count: 12)))
    func wrongCloseCodes(code: UInt16, expected: CloseCode) {
        #expect(take([frame(8, [UInt8(code >> 8), UInt8(code & 0xFF)])]) == [.violation(expected)])
    }

    @Test(
        "a close frame is empty or has a code", arguments: [1000, 1001, 1002, 1003, 1007, 1011, 3000, 3999, 4000, 4999])
    func closeCodes(code: UInt16) {
        #expect(take([frame(8, [UInt8(code >> 8), UInt8(code & 0xFF), 0x6F, 0x6B])]) == [.close(code)])
        #expect(take([frame(8, [])]) == [.close(nil)])
        #expect(take([frame(8, [3])]) == [.violation(.protocolError)])
    }

    @Test("server frames are unmasked, whole, and have the shortest length", arguments: [0, 125, 126, 65535, 65536])
    func encoding(length: Int) {
        var buffer = Frames.text([UInt8](repeating: 7, count: length))
        #expect(buffer.readInteger(as: UInt8.self) == 0x81)
        switch buffer.readInteger(as: UInt8.self) {
        case 126: #expect(buffer.readInteger(as: UInt16.self).map(Int.init) == length && length >= 126)
        case 127: #expect(buffer.readInteger(as: UInt64.self).map(Int.init) == length && length >= 65_536)
        case let short: #expect(short.map(Int.init) == length)
        }
        #expect(buffer.readableBytes == length)
    }
}
