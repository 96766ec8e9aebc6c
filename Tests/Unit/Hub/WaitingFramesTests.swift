import NIOCore
import Testing

@testable import ws_hub

@Suite("Frames that wait for a slow socket")
struct WaitingFramesTests {
    @Test("they leave in order, and bytes and frames are those that still wait")
    func order() {
        var waiting = WaitingFrames()
        #expect(waiting.isEmpty)
        waiting.append(ByteBuffer(string: "one"), frames: 1)
        waiting.append(ByteBuffer(string: "two and three"), frames: 2)
        #expect(waiting.bytes == 16)
        #expect(waiting.frames == 3)
        #expect(waiting.popFirst()?.bytes == ByteBuffer(string: "one"))
        #expect(waiting.bytes == 13)
        #expect(waiting.popFirst()?.frames == 2)
        #expect(waiting.isEmpty)
        #expect(waiting.bytes == 0)
        #expect(waiting.popFirst() == nil)
    }

    @Test("a socket that is always a little behind keeps its order too")
    func alwaysBehind() {
        var waiting = WaitingFrames()
        for number in 0..<3 { waiting.append(ByteBuffer(integer: number), frames: 1) }
        for number in 3..<1000 {
            waiting.append(ByteBuffer(integer: number), frames: 1)
            #expect(waiting.popFirst()?.bytes == ByteBuffer(integer: number - 3))
            #expect(waiting.frames == 3)
        }
    }
}
