import AMQP
import Domain
import Persistence

/// A row on its way, with the messages made of it.
struct OutgoingRow: Sendable {
    let row: OutboxRow
    var messages: [AMQP.Message]

    func isProved(_ proved: Set<Route>) -> Bool { messages.allSatisfy { proved.contains(Route($0)) } }
}

/// Within a lane messages keep their order: the facts of one event. Jobs have no order, each is a lane of its own.
enum Lane: Hashable, Sendable {
    case facts(EventID)
    case single(Int)

    init(_ row: OutboxRow) {
        switch (row.destination, row.eventID) {
        case (.events, let event?): self = .facts(event)
        default: self = .single(row.rowID)
        }
    }
}

/// Which rows may be in flight together.
///
/// Confirms are waited for per wave, and lanes are independent. Within a lane, messages fly together only if the broker
/// has confirmed their routing keys on this connection before: the first one of a key goes alone in its lane. So a
/// missing queue stops a lane at its first message, with nothing behind it under way. (A queue that goes, or begins to
/// reject, between two messages of one wave can still let the second one overtake.)
struct RelayLanes {
    private var lanes: [Lane: ArraySlice<OutgoingRow>]
    /// Lanes in the order of their first rows.
    private var order: [Lane]

    init(_ rows: [OutgoingRow]) {
        var lanes: [Lane: ArraySlice<OutgoingRow>] = [:]
        var order: [Lane] = []
        for row in rows {
            let lane = Lane(row.row)
            if lanes[lane] == nil { order.append(lane) }
            lanes[lane, default: []].append(row)
        }
        self.lanes = lanes
        self.order = order
    }

    /// Takes the next wave: of each lane, in order, what may fly together; at most `limit` messages in all.
    mutating func nextWave(proved: Set<Route>, limit: Int) -> [OutgoingRow] {
        var wave: [OutgoingRow] = []
        for lane in order where wave.count < limit {
            guard let rows = lanes[lane], let first = rows.first else { continue }
            let together =
                first.isProved(proved)
                ? rows.prefix { $0.isProved(proved) }.prefix(limit - wave.count) : rows.prefix(1)
            wave += together
            lanes[lane] = rows.dropFirst(together.count)
        }
        order.removeAll { lanes[$0]?.isEmpty ?? true }
        return wave
    }

    /// Leaves the rest of a lane for later: one of its messages failed.
    mutating func stop(_ lane: Lane) {
        lanes[lane] = nil
        order.removeAll { $0 == lane }
    }
}

/// Where a message goes, as far as the broker's routing is concerned.
struct Route: Hashable, Sendable {
    let exchange: String
    let routingKey: String

    init(_ message: AMQP.Message) {
        exchange = message.exchange
        routingKey = message.routingKey
    }
}

/// Lanes that wait because the broker refused one of their messages, each with a growing pause.
struct HeldLanes {
    private struct Hold {
        var until: ContinuousClock.Instant
        var failures: Int
    }

    /// More lanes than this are not told apart: then everything waits.
    static let maximum = 1000
    private var holds: [Lane: Hold] = [:]

    var isFull: Bool { holds.count >= Self.maximum }

    /// Messages of a lane that fly together fail together: that counts as one failure.
    mutating func hold(_ lane: Lane, now: ContinuousClock.Instant) {
        if let hold = holds[lane], hold.until > now { return }
        let failures = (holds[lane]?.failures ?? 0) + 1
        let pause = min(Duration.milliseconds(500) * (1 << min(failures - 1, 10)), .seconds(30))
        holds[lane] = Hold(until: now + pause * Double.random(in: 0.8...1.2), failures: failures)
    }

    mutating func release(_ lane: Lane) { holds[lane] = nil }

    /// Those whose pause is not over. A lane whose pause is over is remembered, so that its next one is longer.
    func current(now: ContinuousClock.Instant) -> (events: [EventID], rows: [Int]) {
        var events: [EventID] = []
        var rows: [Int] = []
        for (lane, hold) in holds where hold.until > now {
            switch lane {
            case .facts(let event): events.append(event)
            case .single(let row): rows.append(row)
            }
        }
        return (events, rows)
    }
}
