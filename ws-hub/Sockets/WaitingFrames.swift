import NIOCore

/// The frames queued for one socket, in order. The bytes are shared with other sockets but counted for each.
struct WaitingFrames {
    /// Frames that were queued together, concatenated.
    struct Portion {
        var bytes: ByteBuffer
        var frames: Int
    }

    private var portions: [Portion] = []
    /// The index of the next one to send.
    private var next = 0
    private(set) var bytes = 0
    private(set) var frames = 0

    var isEmpty: Bool { next == portions.count }

    mutating func append(_ bytes: ByteBuffer, frames: Int) {
        // A socket that is always slightly behind never empties its queue, so sent frames are removed earlier.
        if next >= 128 {
            portions.removeFirst(next)
            next = 0
        }
        portions.append(Portion(bytes: bytes, frames: frames))
        self.bytes += bytes.readableBytes
        self.frames += frames
    }

    mutating func popFirst() -> Portion? {
        guard !isEmpty else { return nil }
        let first = portions[next]
        next += 1
        bytes -= first.bytes.readableBytes
        frames -= first.frames
        // An idle socket holds no memory for this.
        if isEmpty { self = WaitingFrames() }
        return first
    }
}
