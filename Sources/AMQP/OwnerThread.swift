import CAMQP
import CLinux
import Glibc
import Synchronization

/// A thread for one connection: librabbitmq blocks, and a connection must never be touched by two threads.
final class OwnerThread: Sendable {
    private struct State {
        var finished = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    /// Starts a thread that runs `body` to its end. The thread keeps `body` and what it holds alive, nothing else.
    init(name: String, body: @escaping @Sendable () -> Void) {
        let start = Start(name: name, body: body, thread: self)
        var thread = pthread_t()
        let failure = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
                camqp_name_thread(String(start.name.prefix(15)))
                start.body()
                start.thread.finish()
                return nil
            }, Unmanaged.passRetained(start).toOpaque())
        precondition(failure == 0, "no thread for a broker connection: errno \(failure)")
        pthread_detach(thread)
    }

    /// Returns once the body has come to its end.
    func finished() async {
        await withCheckedContinuation { continuation in
            let over = state.withLock { state in
                if !state.finished { state.waiting.append(continuation) }
                return state.finished
            }
            if over { continuation.resume() }
        }
    }

    private func finish() {
        let waiting = state.withLock { state in
            state.finished = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    /// What the new thread takes over: created by the starter, consumed by the thread.
    private final class Start: Sendable {
        let name: String
        let body: @Sendable () -> Void
        let thread: OwnerThread

        init(name: String, body: @escaping @Sendable () -> Void, thread: OwnerThread) {
            self.name = name
            self.body = body
            self.thread = thread
        }
    }
}

/// An eventfd by which any thread rouses the owner thread from its wait. Closed when nobody holds it any more.
final class Wakeup: Sendable {
    let descriptor: Int32

    init() {
        descriptor = linux_eventfd()
        precondition(descriptor >= 0, "no eventfd: errno \(errno)")
    }

    deinit { Glibc.close(descriptor) }

    func signal() { linux_eventfd_signal(descriptor) }
    func drain() { linux_eventfd_drain(descriptor) }

    /// Waits for a signal, at most `duration`.
    func wait(_ duration: Duration) {
        var polled = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        poll(&polled, 1, duration.wholeMilliseconds)
        drain()
    }
}

extension Duration {
    /// For `poll`: rounded up, so that a wait for a deadline doesn't spin before it; never negative.
    var wholeMilliseconds: Int32 {
        let (seconds, attoseconds) = components
        let milliseconds = seconds * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
        return Int32(clamping: max(0, milliseconds))
    }
}

/// Full jitter over an exponential ladder
/// (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/), so that many clients of one broker
/// don't come back in step.
struct Backoff {
    private var attempt = 0
    private let first = Duration.milliseconds(100)
    private let last = Duration.seconds(3)

    mutating func next() -> Duration {
        let ceiling = min(last, first * (1 << min(attempt, 10)))
        attempt += 1
        return ceiling / 2 + ceiling / 2 * Double.random(in: 0...1)
    }

    mutating func reset() { attempt = 0 }
}
