import AMQP
import CoreMetrics
import Domain
import FoundationEssentials
import Logging
import Persistence
import Postgres
import FailPoints

struct RelayRound {
    /// The other side accepted something.
    var foundWork: Bool
    /// There may be more right now.
    var hasMore: Bool

    static let idle = RelayRound(foundWork: false, hasMore: false)
}

/// The relay from the outbox to the broker: claim, publish, confirm, mark. Run by one task, on the session that holds
/// the leases.
///
/// With a backlog, database and broker work in parallel: while a batch is in flight, the previous one is marked, and
/// the next one is claimed and encoded. A batch is published only when the previous one is confirmed, which preserves
/// the order within each event.
struct BrokerRelay {
    let store: OutboxStore
    let publisher: Publisher
    let names: BrokerNames
    let topology: Topology
    let batch: Int
    let metrics: RelayMetrics
    let logger: Logger
    private var held = BlockedKeys()
    /// The next batch, claimed while the previous one was in flight.
    private var ahead: [OutgoingRow] = []
    /// Confirmed but not yet marked: one batch at most.
    private var confirmed: [Int] = []
    private var proved: Set<RoutingTarget> = []
    /// Rows that the exchange has accepted, but not yet every worker queue that must have them. Noted in the outbox
    /// after each wave, so that whoever publishes them again, this relay or another, sends them to the workers only.
    private var announced: [Int] = []
    /// Whether a queue is missing and has to be recreated.
    private(set) var missesQueue = false
    /// After a channel was closed, messages are published one by one, so that the one that closes it affects no others.
    private var isCareful = false
    /// After a broker failure, nothing is published until then.
    private var pausedUntil = ContinuousClock.now
    private var pause = Duration.milliseconds(100)

    init(
        store: OutboxStore, publisher: Publisher, names: BrokerNames, topology: Topology, batch: Int,
        metrics: RelayMetrics, logger: Logger
    ) {
        self.store = store
        self.publisher = publisher
        self.names = names
        self.topology = topology
        self.batch = batch
        self.metrics = metrics
        self.logger = logger
    }

    /// Called when the partitions change; blocked keys are found again by their next failure.
    mutating func forgetHeld() {
        held = BlockedKeys()
        ahead = []
    }

    /// Publishes what waits in the partitions, one batch at most. If there is more, the last confirmed rows are left to
    /// be marked alongside the next batch: call ``markConfirmed(on:)`` before anything other than the next round.
    mutating func round(partitions: [Int], on session: Session) async throws -> RelayRound {
        // Nothing is claimed while the broker is unreachable.
        let isConnected = publisher.state == .connected
        if !isConnected { proved = [] }
        guard isConnected, !partitions.isEmpty, ContinuousClock.now >= pausedUntil else {
            ahead = []
            try await markConfirmed(on: session)
            return .idle
        }
        let rows = try await next(partitions: partitions, on: session)
        guard !rows.isEmpty else {
            try await markConfirmed(on: session)
            return .idle
        }
        FailPoint.point("relay.claimed")
        let published = try await publish(rows, partitions: partitions, on: session)
        if ahead.isEmpty { try await markConfirmed(on: session) }
        let mayBeMore = !ahead.isEmpty || rows.count == batch || published < rows.count
        return RelayRound(foundWork: published > 0, hasMore: published > 0 && mayBeMore)
    }

    /// Marks confirmed rows as published. Until then, a crash publishes them again, with the same sequences in the same
    /// order.
    mutating func markConfirmed(on session: Session) async throws {
        guard !confirmed.isEmpty else { return }
        try await store.markPublished(confirmed, on: session)
        confirmed = []
        FailPoint.point("relay.marked")
    }

    private mutating func next(partitions: [Int], on session: Session) async throws -> [OutgoingRow] {
        defer { ahead = [] }
        return ahead.isEmpty ? try await claim(partitions: partitions, on: session) : ahead
    }

    private func claim(
        partitions: [Int], onTheWay: Set<Int> = [], on session: Session
    ) async throws -> [OutgoingRow] {
        let waiting = held.current(now: .now)
        return try await store.claim(
            partitions: partitions, limit: batch, onTheWay: onTheWay.union(confirmed), held: waiting.events,
            heldRows: waiting.rows, on: session
        ).compactMap(outgoing)
    }

    /// Publishes rows; returns how many of them the broker has accepted.
    private mutating func publish(_ rows: [OutgoingRow], partitions: [Int], on session: Session) async throws -> Int {
        var schedule = PublishSchedule(rows)
        var published = 0
        let wasCareful = isCareful
        while true {
            let wave = schedule.nextWave(proved: proved, limit: isCareful ? 1 : batch)
            guard !wave.isEmpty else { break }
            if FailPoint.mutates(.noConfirms) { try await store.markPublished(wave.map(\.row.rowID), on: session) }
            let (publisher, messages) = (publisher, wave.flatMap(\.messages))
            async let outcomes = publisher.publish(messages)
            try await markConfirmed(on: session)
            if rows.count == batch, ahead.isEmpty, wave.count * 2 >= batch {
                ahead = try await claim(
                    partitions: partitions, onTheWay: Set(rows.map(\.row.rowID)), on: session)
            }
            let taken = judge(wave, await outcomes, &schedule)
            if !announced.isEmpty {
                try await store.markRepeated(announced, on: session)
                announced = []
            }
            FailPoint.point("relay.confirmed")
            metrics.published.increment(by: taken.count)
            metrics.recordLag(of: taken, now: Date())
            confirmed = taken.map(\.rowID)
            published += taken.count
            if ContinuousClock.now < pausedUntil { return published }
        }
        // A whole batch went one by one: whatever closed the channel is held by now.
        if wasCareful { isCareful = false }
        return published
    }

    private func outgoing(_ row: OutboxRow) throws -> OutgoingRow? {
        var messages = try AMQP.Message.copies(of: row, names: names, topology: topology)
        // What only a worker's queue has lost goes to no one else.
        if messages.count > 1, row.isRepeated { messages.removeLast() }
        return messages.isEmpty ? nil : OutgoingRow(row: row, messages: messages)
    }

    mutating func queuesAreThere() { missesQueue = false }

    /// Sorts a wave by its outcomes; returns the rows that the broker has accepted.
    private mutating func judge(
        _ wave: [OutgoingRow], _ outcomes: [Result<Void, BrokerError>], _ schedule: inout PublishSchedule
    ) -> [OutboxRow] {
        var confirmed: [OutboxRow] = []
        var rest = outcomes[...]
        for outgoing in wave {
            let own = rest.prefix(outgoing.messages.count)
            rest = rest.dropFirst(outgoing.messages.count)
            var failure: (message: AMQP.Message, error: BrokerError)?
            var isAnnounced = false
            for (message, outcome) in zip(outgoing.messages, own) {
                switch outcome {
                case .success:
                    proved.insert(RoutingTarget(message))
                    isAnnounced = isAnnounced || message.exchange == names.events
                case .failure(let error): failure = failure ?? (message, error)
                }
            }
            if let failure {
                if isAnnounced { announced.append(outgoing.row.rowID) }
                failed(outgoing, failure.message, failure.error, wave: wave.count, &schedule)
            } else {
                confirmed.append(outgoing.row)
                held.release(OrderingKey(outgoing.row))
                pause = .milliseconds(100)
            }
        }
        return confirmed
    }

    private mutating func failed(
        _ outgoing: OutgoingRow, _ message: AMQP.Message, _ error: BrokerError, wave: Int,
        _ schedule: inout PublishSchedule
    ) {
        let key = OrderingKey(outgoing.row)
        schedule.stop(key)
        ahead.removeAll { OrderingKey($0.row) == key }
        metrics.failed(error.metricReason)
        switch error.kind {
        case .returned:
            missesQueue = true
            hold(key, outgoing, message, error)
        case .nacked, .invalidMessage: hold(key, outgoing, message, error)
        // Alone on its channel, so the message itself is the cause.
        case .channelClosed where wave == 1 && isCareful: hold(key, outgoing, message, error)
        case .channelClosed:
            isCareful = true
            pauseAll(error)
        case .unreachable, .refused, .connectionLost, .timedOut, .overloaded, .cancelled, .closed, .alreadySettled,
            .invalidURL:
            pauseAll(error)
        }
    }

    private mutating func hold(
        _ key: OrderingKey, _ outgoing: OutgoingRow, _ message: AMQP.Message, _ error: BrokerError
    ) {
        proved.remove(RoutingTarget(message))
        held.hold(key, now: .now)
        logger.error(
            "outbox message not published, later ones of its event blocked",
            metadata: [
                "message_id": "\(outgoing.row.messageID)", "type": "\(outgoing.row.type)",
                "event_id": "\(outgoing.row.eventID?.description ?? "-")", "error": "\(error)",
            ])
        if held.isFull { pauseAll(error) }
    }

    private mutating func pauseAll(_ error: BrokerError) {
        proved = []
        ahead = []
        // Once per wave: all its messages fail for the same reason.
        guard ContinuousClock.now >= pausedUntil else { return }
        pausedUntil = .now + pause * Double.random(in: 0.5...1)
        pause = min(pause * 2, .seconds(3))
        if error.kind != .cancelled {
            logger.warning("broker unreachable, outbox publishing delayed", metadata: ["error": "\(error)"])
        }
    }
}

extension BrokerError {
    fileprivate var metricReason: String {
        switch kind {
        case .returned: "returned"
        case .nacked: "nacked"
        case .timedOut: "timed-out"
        case .channelClosed: "channel-closed"
        case .invalidMessage: "invalid"
        default: "broker-away"
        }
    }
}
