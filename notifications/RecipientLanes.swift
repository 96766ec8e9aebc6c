import Synchronization

/// Whose mail may take a connection to the mail server now, so that a domain whose mails take for ever holds up nobody
/// else's.
///
/// So many mails are under way as there are places. A mail that takes long gives its place up: from then on it counts against
/// its domain, of which only few may be on their way while it is slow, and no more against everybody. What finds no room waits
/// a moment, since mails are fast as a rule; then it has to come again later: it would stand in the way of others.
final class RecipientLanes: Sendable {
    struct Limits: Sendable {
        /// Mails on their way, but for those that take long.
        var places: Int
        /// Mails on their way to one domain at a time, and while it is known to be slow.
        var perDomain: Int
        var perSlowDomain: Int
        /// Mails on their way to all slow domains together: each takes a connection and a thread.
        var slow: Int
        /// A mail that takes longer makes its domain a slow one.
        var patience = Duration.seconds(3)
        /// For how long a domain is remembered as slow; one mail that is fast again ends it sooner.
        var memory = Duration.seconds(60)

        /// - Parameter connections: for mails that don't take long, at least 1.
        init(connections: Int) {
            places = connections
            perDomain = max(1, connections / 2)
            perSlowDomain = max(1, connections / 4)
            slow = connections * 4
        }

        /// Connections to the mail server at most.
        var connections: Int { places + slow }
    }

    private let limits: Limits
    private let book: Mutex<LaneBook>
    private let places: Places
    /// Between two looks for room.
    private static let pause = Duration.milliseconds(10)

    init(_ limits: Limits) {
        self.limits = limits
        book = Mutex(LaneBook(limits))
        places = Places(limits.places)
    }

    /// Waits for a place; the caller leaves it in the end.
    /// - Throws: `CancellationError` while it waits.
    func enter() async throws -> Place { try await places.enter() }

    /// Runs `body` when there is room for one more mail to the domain; nil when there is none for now.
    /// - Throws: `CancellationError` while it waits, and what `body` throws.
    func pass<Value: Sendable>(
        _ domain: String, _ place: Place, _ body: () async throws -> Value
    ) async throws -> Value? {
        let arrived = ContinuousClock.now
        while true {
            let started = ContinuousClock.now
            switch book.withLock({ $0.enter(domain, arrived: arrived, now: started) }) {
            case .go:
                defer { book.withLock { $0.leave(domain, started: started, now: .now) } }
                async let _: Void = place.leave(after: limits.patience)  // cancelled when this returns
                return try await body()
            case .wait: try await Task.sleep(for: Self.pause)
            case .comeAgain: return nil
            }
        }
    }
}

/// One of the places for mails under way.
final class Place: Sendable {
    private let places: Places
    private let isLeft = Mutex(false)

    fileprivate init(_ places: Places) { self.places = places }

    /// Lets the next one in; again changes nothing.
    func leave() {
        let isFirst = isLeft.withLock { isLeft in
            defer { isLeft = true }
            return !isLeft
        }
        if isFirst { places.letIn() }
    }

    fileprivate func leave(after time: Duration) async {
        do { try await Task.sleep(for: time) } catch { return }
        leave()
    }
}

/// A number of places, taken in the order of arrival.
final class Places: Sendable {
    private struct State {
        var free: Int
        var nextNumber = 0
        var waiting: [(number: Int, turn: CheckedContinuation<Void, any Error>)] = []
        /// Cancelled before they had begun to wait.
        var gone: Set<Int> = []
    }

    private let state: Mutex<State>

    init(_ count: Int) { state = Mutex(State(free: count)) }

    /// - Throws: `CancellationError` while it waits.
    func enter() async throws -> Place {
        let number = state.withLock { state in
            state.nextNumber += 1
            return state.nextNumber
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { turn in
                let answer: Result<Void, any Error>? = state.withLock { state in
                    if state.gone.remove(number) != nil { return .failure(CancellationError()) }
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
                    state.gone.insert(number)
                    return nil
                }
                return state.waiting.remove(at: index).turn
            }
            turn?.resume(throwing: CancellationError())
        }
        state.withLock { _ = $0.gone.remove(number) }
        return Place(self)
    }

    fileprivate func letIn() {
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

/// The lanes' rules.
struct LaneBook {
    enum Answer: Equatable { case go, wait, comeAgain }

    private struct Lane {
        var underWay: [ContinuousClock.Instant] = []
        var slowUntil: ContinuousClock.Instant?
    }

    let limits: RecipientLanes.Limits
    private var lanes: [String: Lane] = [:]

    init(_ limits: RecipientLanes.Limits) { self.limits = limits }

    /// How many domains are remembered.
    var count: Int { lanes.count }

    mutating func enter(
        _ domain: String, arrived: ContinuousClock.Instant, now: ContinuousClock.Instant
    ) -> Answer {
        let lane = lanes[domain] ?? Lane()
        if isSlow(lane, now) {
            let slow = lanes.values.filter { isSlow($0, now) }.map(\.underWay.count).reduce(0, +)
            guard slow < limits.slow, lane.underWay.count < limits.perSlowDomain else { return .comeAgain }
        } else if lane.underWay.count >= limits.perDomain {
            return arrived + limits.patience > now ? .wait : .comeAgain
        }
        lanes[domain, default: Lane()].underWay.append(now)
        return .go
    }

    mutating func leave(_ domain: String, started: ContinuousClock.Instant, now: ContinuousClock.Instant) {
        guard var lane = lanes[domain] else { return }
        if let index = lane.underWay.firstIndex(of: started) { lane.underWay.remove(at: index) }
        lane.slowUntil = started + limits.patience < now ? now + limits.memory : nil
        lanes[domain] = lane
        // Domains about which there is nothing to remember.
        lanes = lanes.filter { !$0.value.underWay.isEmpty || ($0.value.slowUntil ?? now) > now }
    }

    private func isSlow(_ lane: Lane, _ now: ContinuousClock.Instant) -> Bool {
        lane.slowUntil.map { $0 > now } ?? false || lane.underWay.contains { $0 + limits.patience < now }
    }
}
