import AMQP
import Domain
import Persistence

/// A row in flight, with the messages made from it.
struct OutgoingRow: Sendable {
    let row: OutboxRow
    var messages: [AMQP.Message]

    func isProved(_ proved: Set<RoutingTarget>) -> Bool { messages.allSatisfy { proved.contains(RoutingTarget($0)) } }
}

/// The key within which messages keep their order: facts, their event. Jobs have no order, so each has its own key.
enum OrderingKey: Hashable, Sendable {
    case facts(EventID)
    case single(Int)

    init(_ row: OutboxRow) {
        switch (row.destination, row.eventID) {
        case (.events, let event?): self = .facts(event)
        default: self = .single(row.rowID)
        }
    }
}

/// The schedule that decides which rows can be in flight together.
///
/// Confirms are awaited per wave, and ordering keys are independent. Messages with one ordering key are in flight
/// together only if the broker has confirmed their routing keys on this connection before; the first with a routing key
/// goes alone. So a missing queue stops an ordering key at its first message, with nothing behind it in flight. (If a
/// queue is deleted, or begins to reject, between two messages of one wave, the second can still overtake.)
struct PublishSchedule {
    private var rowsByKey: [OrderingKey: ArraySlice<OutgoingRow>]
    /// In the order of their first rows.
    private var order: [OrderingKey]

    init(_ rows: [OutgoingRow]) {
        var rowsByKey: [OrderingKey: ArraySlice<OutgoingRow>] = [:]
        var order: [OrderingKey] = []
        for row in rows {
            let key = OrderingKey(row.row)
            if rowsByKey[key] == nil { order.append(key) }
            rowsByKey[key, default: []].append(row)
        }
        self.rowsByKey = rowsByKey
        self.order = order
    }

    /// The next wave: per ordering key, in order, what can be in flight together; `limit` messages in total at most.
    mutating func nextWave(proved: Set<RoutingTarget>, limit: Int) -> [OutgoingRow] {
        var wave: [OutgoingRow] = []
        for key in order where wave.count < limit {
            guard let rows = rowsByKey[key], let first = rows.first else { continue }
            let together =
                first.isProved(proved)
                ? rows.prefix { $0.isProved(proved) }.prefix(limit - wave.count) : rows.prefix(1)
            wave += together
            rowsByKey[key] = rows.dropFirst(together.count)
        }
        order.removeAll { rowsByKey[$0]?.isEmpty ?? true }
        return wave
    }

    /// Leaves the rest with this ordering key for later: a message failed.
    mutating func stop(_ key: OrderingKey) {
        rowsByKey[key] = nil
        order.removeAll { $0 == key }
    }
}

/// A message's destination, as far as the broker's routing is concerned.
struct RoutingTarget: Hashable, Sendable {
    let exchange: String
    let routingKey: String

    init(_ message: AMQP.Message) {
        exchange = message.exchange
        routingKey = message.routingKey
    }
}

/// Ordering keys blocked because the broker refused a message, each with a growing pause.
struct BlockedKeys {
    private struct Hold {
        var until: ContinuousClock.Instant
        var failures: Int
    }

    /// Beyond this number, everything waits.
    static let maximum = 1000
    private var holds: [OrderingKey: Hold] = [:]

    var isFull: Bool { holds.count >= Self.maximum }

    /// Messages in flight together fail together: that counts as one failure.
    mutating func hold(_ key: OrderingKey, now: ContinuousClock.Instant) {
        if let hold = holds[key], hold.until > now { return }
        let failures = (holds[key]?.failures ?? 0) + 1
        let pause = min(Duration.milliseconds(500) * (1 << min(failures - 1, 10)), .seconds(30))
        holds[key] = Hold(until: now + pause * Double.random(in: 0.8...1.2), failures: failures)
    }

    mutating func release(_ key: OrderingKey) { holds[key] = nil }

    /// Those whose pause is not over. Expired ones are remembered, so that their next pause is longer.
    func current(now: ContinuousClock.Instant) -> (events: [EventID], rows: [Int]) {
        var events: [EventID] = []
        var rows: [Int] = []
        for (key, hold) in holds where hold.until > now {
            switch key {
            case .facts(let event): events.append(event)
            case .single(let row): rows.append(row)
            }
        }
        return (events, rows)
    }
}
