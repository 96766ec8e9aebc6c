import Synchronization

/// Whose mail may take a connection to the mail server now, so that a domain whose mails take for ever holds up nobody
/// else's.
///
/// A domain gets half of the connections, and all domains that turn out to be slow together a quarter. What finds no room
/// waits a moment, since mails are fast as a rule; then it has to come again later: it would stand in the way of others.
final class RecipientLanes: Sendable {
    struct Limits: Sendable {
        /// Mails on their way to one domain at a time.
        var perDomain: Int
        /// Mails on their way to all domains together that are known to be slow.
        var slow: Int
        /// A mail that takes longer makes its domain a slow one.
        var patience = Duration.seconds(3)
        /// For how long a domain is remembered as slow; one mail that is fast again ends it sooner.
        var memory = Duration.seconds(60)

        /// - Parameter connections: to the mail server, at least 1.
        init(connections: Int) {
            perDomain = max(1, connections / 2)
            slow = max(1, connections / 4)
        }
    }

    private let book: Mutex<LaneBook>
    /// Between two looks for room.
    private static let pause = Duration.milliseconds(10)

    init(_ limits: Limits) { book = Mutex(LaneBook(limits)) }

    /// Runs `body` when there is room for one more mail to the domain; nil when there is none for now.
    /// - Throws: `CancellationError` while it waits, and what `body` throws.
    func pass<Value>(_ domain: String, _ body: () async throws -> Value) async throws -> Value? {
        let arrived = ContinuousClock.now
        while true {
            let started = ContinuousClock.now
            switch book.withLock({ $0.enter(domain, arrived: arrived, now: started) }) {
            case .go:
                defer { book.withLock { $0.leave(domain, started: started, now: .now) } }
                return try await body()
            case .wait: try await Task.sleep(for: Self.pause)
            case .comeAgain: return nil
            }
        }
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
            guard slow < limits.slow else { return .comeAgain }
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
