import CLinux
import Glibc

/// Starts a detached thread for work that blocks in C calls, which must never happen on Swift's cooperative pool.
///
/// SIGPIPE is blocked on it: hiredis 0.14 writes with `write(2)`, and a broken connection shall be an error, not the
/// end of the process.
func startThread(named name: String, _ body: @escaping @Sendable () -> Void) {
    final class Start {
        let name: String
        let body: @Sendable () -> Void
        init(name: String, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }
    var thread = pthread_t()
    // The thread takes over the retained object; nobody else touches it.
    let start = Unmanaged.passRetained(Start(name: name, body: body)).toOpaque()
    let result = pthread_create(
        &thread, nil,
        { argument in
            guard let argument else { return nil }
            let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
            var pipeSignal = sigset_t()
            sigemptyset(&pipeSignal)
            sigaddset(&pipeSignal, SIGPIPE)
            pthread_sigmask(SIG_BLOCK, &pipeSignal, nil)
            linux_thread_name(String(start.name.prefix(15)))
            start.body()
            return nil
        }, start)
    precondition(result == 0, "no thread could be started")
    pthread_detach(thread)
}

/// An eventfd that wakes a thread out of `poll`. Closed when the last owner lets go of it.
final class WakeUp: Sendable {
    let descriptor: CInt

    init() {
        descriptor = linux_eventfd()
        precondition(descriptor >= 0, "no eventfd could be made")
    }

    deinit { close(descriptor) }

    func signal() { linux_eventfd_signal(descriptor) }

    func drain() { linux_eventfd_drain(descriptor) }

    /// Blocks the calling (own) thread until a signal comes or the instant is reached.
    func wait(until instant: ContinuousClock.Instant) {
        var poll = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        Glibc.poll(&poll, 1, milliseconds(until: instant))
        drain()
    }
}

/// Rounded up, so that a deadline is over when `poll` returns; never negative (which would mean for ever).
func milliseconds(until instant: ContinuousClock.Instant) -> CInt {
    let left = instant - .now
    guard left > .zero else { return 0 }
    let (seconds, attoseconds) = left.components
    guard seconds < 1_000_000 else { return 1_000_000_000 }
    return CInt(seconds * 1000 + attoseconds / 1_000_000_000_000_000 + 1)
}

/// How long to wait before the next attempt to connect: doubling from 50 ms to 2 s, the later half of it random, so
/// that many services don't come back in step.
struct Backoff {
    private var ceiling = Duration.milliseconds(50)

    mutating func next() -> Duration {
        defer { ceiling = min(ceiling * 2, .seconds(2)) }
        return ceiling / 2 + ceiling / 2 * Double.random(in: 0...1)
    }

    mutating func reset() { ceiling = .milliseconds(50) }
}

/// First in, first out, without moving elements at every removal.
struct FIFO<Element> {
    private var elements: [Element] = []
    private var head = 0

    var isEmpty: Bool { head == elements.count }
    var count: Int { elements.count - head }
    var first: Element? { isEmpty ? nil : elements[head] }

    mutating func append(_ element: Element) { elements.append(element) }
    mutating func append(contentsOf more: [Element]) { elements.append(contentsOf: more) }

    mutating func popFirst() -> Element? {
        guard !isEmpty else { return nil }
        let element = elements[head]
        head += 1
        if head == elements.count {
            elements.removeAll(keepingCapacity: head <= 1024)
            head = 0
        } else if head >= 1024, head * 2 >= elements.count {
            elements.removeSubrange(..<head)
            head = 0
        }
        return element
    }

    /// Empties it and returns what was in it, in order.
    mutating func takeAll() -> [Element] {
        defer {
            elements = []
            head = 0
        }
        return Array(elements[head...])
    }
}
