import Glibc
import Synchronization

/// The kernel's random numbers, fetched by the page: a flash crowd asks for some ten of them per request, and a system
/// call for each was two percent of its work. For names that must be unique; keys and tokens ask the kernel themselves.
struct PooledRandomNumberGenerator: RandomNumberGenerator {
    private struct Pool {
        var words = [UInt64](repeating: 0, count: 512)
        var next = 512
    }

    private static let pool = Mutex(Pool())

    func next() -> UInt64 {
        Self.pool.withLock { pool in
            if pool.next == pool.words.count {
                pool.words.withUnsafeMutableBytes(Self.fill)
                pool.next = 0
            }
            defer { pool.next += 1 }
            return pool.words[pool.next]
        }
    }

    /// `getentropy` gives at most 256 bytes at a time.
    private static func fill(_ bytes: UnsafeMutableRawBufferPointer) {
        for start in stride(from: 0, to: bytes.count, by: 256) {
            let outcome = getentropy(bytes.baseAddress?.advanced(by: start), min(256, bytes.count - start))
            precondition(outcome == 0, "the kernel has no random numbers")
        }
    }
}
