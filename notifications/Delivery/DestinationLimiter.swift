import Synchronization

/// A limiter of connections to the mail server per destination domain, so that a slow domain delays no other.
///
/// As many emails are in flight as there are permits. An email that takes long releases its permit: from then on it
/// counts against its domain, of which only a few can be in flight while it is slow, and no longer against the total.
/// An email without room waits a moment, because emails are usually fast; then it is postponed, so that it delays no
/// other.
final class DestinationLimiter: Sendable {
    struct Limits: Sendable {
        /// Maximum emails in flight, not counting slow ones.
        var permits: Int
        /// Maximum emails in flight to one domain, and while it is known to be slow.
        var perDomain: Int
        var perSlowDomain: Int
        /// Maximum emails in flight to all slow domains together: each takes a connection and a thread.
        var slow: Int
        /// An email that takes longer marks its domain as slow.
        var slowAfter = Duration.seconds(3)
        /// How long a domain is remembered as slow; one fast email ends it sooner.
        var memory = Duration.seconds(60)

        /// - Parameter connections: for emails that don't take long, at least 1.
        init(connections: Int) {
            permits = connections
            perDomain = max(1, connections / 2)
            perSlowDomain = max(1, connections / 4)
            slow = connections * 4
        }

        /// Maximum connections to the mail server.
        var connections: Int { permits + slow }
    }

    private let limits: Limits
    private let book: Mutex<DestinationBook>
    private let permits: SendPermits
    private static let pollInterval = Duration.milliseconds(10)

    init(_ limits: Limits) {
        self.limits = limits
        book = Mutex(DestinationBook(limits))
        permits = SendPermits(limits.permits)
    }

    /// Waits for a permit, which the caller has to release.
    /// - Throws: `CancellationError` while it waits.
    func permit() async throws -> SendPermit { try await permits.next() }

    /// Runs `body` if there is room for one more email to the domain; nil if there is none for now.
    /// - Throws: `CancellationError` while it waits, and what `body` throws.
    func pass<Value: Sendable>(
        _ domain: String, _ permit: SendPermit, _ body: () async throws -> Value
    ) async throws -> Value? {
        let arrived = ContinuousClock.now
        while true {
            let started = ContinuousClock.now
            switch book.withLock({ $0.begin(domain, arrived: arrived, now: started) }) {
            case .send:
                defer { book.withLock { $0.end(domain, started: started, now: .now) } }
                async let _: Void = permit.release(after: limits.slowAfter)  // canceled when this returns
                return try await body()
            case .wait: try await Task.sleep(for: Self.pollInterval)
            case .postpone: return nil
            }
        }
    }
}

/// A permit for one email in flight.
final class SendPermit: Sendable {
    private let permits: SendPermits
    private let isReleased = Mutex(false)

    fileprivate init(_ permits: SendPermits) { self.permits = permits }

    /// Passes it on; repeated calls change nothing.
    func release() {
        let isFirst = isReleased.withLock { isReleased in
            defer { isReleased = true }
            return !isReleased
        }
        if isFirst { permits.release() }
    }

    fileprivate func release(after time: Duration) async {
        do { try await Task.sleep(for: time) } catch { return }
        release()
    }
}

/// A pool of permits, granted in the order of the requests.
final class SendPermits: Sendable {
    private struct State {
        var free: Int
        var nextNumber = 0
        var waiting: [(number: Int, turn: CheckedContinuation<Void, any Error>)] = []
        /// Requests canceled before they began to wait.
        var cancelled: Set<Int> = []
    }

    private let state: Mutex<State>

    init(_ count: Int) { state = Mutex(State(free: count)) }

    /// - Throws: `CancellationError` while it waits.
    func next() async throws -> SendPermit {
        let number = state.withLock { state in
            state.nextNumber += 1
            return state.nextNumber
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { turn in
                let answer: Result<Void, any Error>? = state.withLock { state in
                    if state.cancelled.remove(number) != nil { return .failure(CancellationError()) }
                    guard state.free == 0 else {
                        state.free -= 1
                        return .success(())
                    }
                    state.waiting.append((number, turn))
                    return nil
                }
                if let answer { turn.resume(with: answer) }
            }
        } onCancel: {
            let turn = state.withLock { state -> CheckedContinuation<Void, any Error>? in
                guard let index = state.waiting.firstIndex(where: { $0.number == number }) else {
                    state.cancelled.insert(number)
                    return nil
                }
                return state.waiting.remove(at: index).turn
            }
            turn?.resume(throwing: CancellationError())
        }
        state.withLock { _ = $0.cancelled.remove(number) }
        return SendPermit(self)
    }

    fileprivate func release() {
        let next = state.withLock { state -> CheckedContinuation<Void, any Error>? in
            if state.waiting.isEmpty {
                state.free += 1
                return nil
            }
            return state.waiting.removeFirst().turn
        }
        next?.resume()
    }
}

/// The rules of ``DestinationLimiter``, without the waiting.
struct DestinationBook {
    enum Decision: Equatable { case send, wait, postpone }

    private struct Destination {
        var inFlight: [ContinuousClock.Instant] = []
        var slowUntil: ContinuousClock.Instant?
    }

    let limits: DestinationLimiter.Limits
    private var destinations: [String: Destination] = [:]

    init(_ limits: DestinationLimiter.Limits) { self.limits = limits }

    /// Number of remembered domains.
    var count: Int { destinations.count }

    mutating func begin(
        _ domain: String, arrived: ContinuousClock.Instant, now: ContinuousClock.Instant
    ) -> Decision {
        let destination = destinations[domain] ?? Destination()
        if isSlow(destination, now) {
            let slow = destinations.values.filter { isSlow($0, now) }.map(\.inFlight.count).reduce(0, +)
            guard slow < limits.slow, destination.inFlight.count < limits.perSlowDomain else { return .postpone }
        } else if destination.inFlight.count >= limits.perDomain {
            return arrived + limits.slowAfter > now ? .wait : .postpone
        }
        destinations[domain, default: Destination()].inFlight.append(now)
        return .send
    }

    mutating func end(_ domain: String, started: ContinuousClock.Instant, now: ContinuousClock.Instant) {
        guard var destination = destinations[domain] else { return }
        if let index = destination.inFlight.firstIndex(of: started) { destination.inFlight.remove(at: index) }
        destination.slowUntil = started + limits.slowAfter < now ? now + limits.memory : nil
        destinations[domain] = destination
        // Removes domains with no state worth keeping.
        destinations = destinations.filter { !$0.value.inFlight.isEmpty || ($0.value.slowUntil ?? now) > now }
    }

    private func isSlow(_ destination: Destination, _ now: ContinuousClock.Instant) -> Bool {
        destination.slowUntil.map { $0 > now } ?? false || destination.inFlight.contains { $0 + limits.slowAfter < now }
    }
}
