import DequeModule
import Domain
import Persistence
import Synchronization

/// Who waits at which event's door, and whose turn it is. Bounded; every method returns at once but `next`.
///
/// There are two kinds of lanes: quick ones take many events at once and leave out those that somebody else has locked;
/// patient ones take one such event and wait for it. So a slow event holds nobody else up.
///
/// Wishes for one event are fulfilled in the order in which they came: its next batch begins when the one before has
/// ended. Only a crowd's begins as soon as the one before has its lock, and waits for it in the database, which then goes
/// on without waiting for us.
final class AdmissionQueue: Sendable {
    enum Lane: Sendable, Hashable, CaseIterable {
        case quick, patient
    }

    /// Somebody who waits for the answer to a wish.
    struct Waiter: Sendable {
        let wish: PlaceWish
        let since: ContinuousClock.Instant
        let continuation: CheckedContinuation<PlaceAnswer, any Error>
    }

    /// Those whose turn has come.
    struct Batch: Sendable {
        var waiters: [Waiter]
        /// The one door that they all want to go through, as the batch before left it; nil when it takes a look.
        var expected: ExpectedDoor?
    }

    struct Limits: Sendable {
        /// Wishes that may wait for one event, and in all.
        var perEvent = 4096
        var total = 16_384
        /// Wishes and events of one batch.
        var batch = 256
        var eventsPerBatch = 64
        /// So many unanswered wishes are a crowd, and it is still there a moment after: those who were just answered
        /// together have others behind them.
        var crowd = 16
        var crowdLasts: Duration = .milliseconds(200)
        /// How long an event that was found locked goes to a patient lane at once: another instance has the crowd, too.
        var patience: Duration = .seconds(1)
        /// How many doors are remembered as they were left.
        var remembered = 1024
    }

    /// The wishes for one event.
    private struct Line {
        var waiters: Deque<Waiter> = []
        /// Whether it is the turn of those who wait, as soon as a lane is free.
        var isReady = false
        /// Its batches under way, and of the last one: its size, and whether it has the event's lock.
        var batches = 0
        var lastSize = 0
        var isLocked = false

        /// Whether those who wait may begin: nobody is before them, or the one who is holds the lock, and they are many.
        func mayBegin(_ limits: Limits) -> Bool {
            if isReady || waiters.isEmpty { return false }
            return batches == 0 || batches == 1 && isLocked && waiters.count >= max(limits.crowd, lastSize / 2)
        }

        mutating func take(atMost limit: Int) -> [Waiter] {
            let part = Array(waiters.prefix(limit))
            waiters.removeFirst(part.count)
            isReady = false
            batches += 1
            lastSize = part.count
            isLocked = false
            return part
        }
    }

    private struct State {
        /// Of the events that have waiters or batches under way.
        var lines: [EventID: Line] = [:]
        /// Events that were found locked, and until when they go to patient lanes.
        var contended: [EventID: ContinuousClock.Instant] = [:]
        /// Doors as this process left them, unless they have been found otherwise.
        var remembered: [EventID: ExpectedDoor] = [:]
        /// Events that are ready, in the order in which they became so.
        var ready: [Lane: Deque<EventID>] = [:]
        var idle: [Lane: [CheckedContinuation<Batch?, Never>]] = [:]
        /// Wishes that wait, and wishes and batches under way.
        var waiting = 0
        var underWay = 0
        var batches = 0
        var crowdSeen: ContinuousClock.Instant?
        var isClosed = false

        /// Nothing waits, and nothing can come back from a batch.
        var isOver: Bool { isClosed && waiting == 0 && batches == 0 }
    }

    /// An idle lane and what it gets to do.
    private typealias Start = (lane: CheckedContinuation<Batch?, Never>, batch: Batch?)

    private let limits: Limits
    private let state = Mutex(State())

    init(_ limits: Limits = Limits()) { self.limits = limits }

    /// How many wishes wait, those in a batch not counted.
    var count: Int { state.withLock { $0.waiting } }

    /// Whether so many wishes are unanswered, or were a moment ago, that something else had better wait.
    var isCrowded: Bool {
        state.withLock { state in
            state.waiting + state.underWay > limits.crowd
                || state.crowdSeen.map { $0.duration(to: .now) < limits.crowdLasts } ?? false
        }
    }

    /// Queues a wish; false when the queue is full or closed.
    func enqueue(_ waiter: Waiter) -> Bool {
        let (isQueued, start) = state.withLock { state -> (Bool, Start?) in
            let event = waiter.wish.eventID
            guard !state.isClosed, state.waiting < limits.total,
                state.lines[event]?.waiters.count ?? 0 < limits.perEvent
            else { return (false, nil) }
            // In place: a copy of the line for every wish would make a crowd's work quadratic.
            state.lines[event, default: Line()].waiters.append(waiter)
            state.waiting += 1
            if state.waiting + state.underWay > limits.crowd { state.crowdSeen = waiter.since }
            return (true, begin(event, &state))
        }
        if let start { start.lane.resume(returning: start.batch) }
        return isQueued
    }

    /// The next batch for a lane, as soon as there is one; nil once the queue is closed and nothing is left to do.
    func next(_ lane: Lane) async -> Batch? {
        await withCheckedContinuation { continuation in
            let start = state.withLock { state -> Start? in
                if let batch = take(lane, &state) { return (continuation, batch) }
                if state.isOver { return (continuation, nil) }
                state.idle[lane, default: []].append(continuation)
                return nil
            }
            if let start { start.lane.resume(returning: start.batch) }
        }
    }

    /// A batch under way has the locks of these events.
    func locked(_ events: some Sequence<EventID>) {
        let starts = state.withLock { state in
            events.compactMap { event -> Start? in
                state.lines[event]?.isLocked = true
                return begin(event, &state)
            }
        }
        for start in starts { start.lane.resume(returning: start.batch) }
    }

    /// Ends a batch. Those for whose event somebody else holds the lock go back to the front of their line.
    /// - Parameters:
    ///   - left: doors as the batch has left them.
    ///   - isMistaken: whether the door was not as expected: somebody else moves its places, too.
    func finish(_ batch: [Waiter], busy: [Waiter], left: [ExpectedDoor] = [], isMistaken: Bool = false) {
        let starts = state.withLock { state -> [Start] in
            state.batches -= 1
            state.underWay -= batch.count
            let now = ContinuousClock.now
            // What was contended once is forgotten here: the table never outgrows the events of one moment.
            if !busy.isEmpty || isMistaken { state.contended = state.contended.filter { $0.value > now } }
            let busyLines = Dictionary(grouping: busy, by: \.wish.eventID)
            let doors = Dictionary(left.map { ($0.eventID, $0) }, uniquingKeysWith: { first, _ in first })
            if state.remembered.count > limits.remembered { state.remembered = [:] }
            var starts: [Start] = []
            for event in Set(batch.map(\.wish.eventID)) {
                state.lines[event]?.batches -= 1
                if let again = busyLines[event] {
                    state.lines[event]?.waiters.prepend(contentsOf: again)
                    state.waiting += again.count
                }
                if busyLines[event] != nil || isMistaken { state.contended[event] = now + limits.patience }
                // While another batch is under way, that one will have been the last.
                if state.lines[event]?.batches == 0 { state.remembered[event] = doors[event] }
                if let start = begin(event, &state) { starts.append(start) }
                if let line = state.lines[event], line.waiters.isEmpty, line.batches == 0 { state.lines[event] = nil }
            }
            return starts + ends(&state)
        }
        for start in starts { start.lane.resume(returning: start.batch) }
    }

    /// Takes no more wishes; lanes finish what waits, and what comes back from batches, and then get nil.
    func close() {
        let starts = state.withLock { state -> [Start] in
            state.isClosed = true
            return ends(&state)
        }
        for start in starts { start.lane.resume(returning: start.batch) }
    }

    // MARK: Under the lock

    /// Lets the event's wishes have their turn, if they may, at once if a lane is idle.
    private func begin(_ event: EventID, _ state: inout State) -> Start? {
        guard let line = state.lines[event], line.mayBegin(limits) else { return nil }
        let isContended = state.contended[event].map { $0 > .now } ?? false
        let lane: Lane = isContended || line.batches > 0 ? .patient : .quick
        state.lines[event]?.isReady = true
        state.ready[lane, default: []].append(event)
        guard let idle = state.idle[lane]?.popLast() else { return nil }
        return (idle, take(lane, &state))
    }

    /// Sends the idle lanes home once everything is over.
    private func ends(_ state: inout State) -> [Start] {
        guard state.isOver else { return [] }
        defer { state.idle = [:] }
        return state.idle.values.joined().map { ($0, nil) }
    }

    private func take(_ lane: Lane, _ state: inout State) -> Batch? {
        let events = lane == .quick ? limits.eventsPerBatch : 1
        var batch: [Waiter] = []
        var expected: [ExpectedDoor?] = []
        for _ in 0..<events {
            guard batch.count < limits.batch, let event = state.ready[lane]?.popFirst() else { break }
            batch += state.lines[event]?.take(atMost: limits.batch - batch.count) ?? []
            let door = state.remembered.removeValue(forKey: event)
            expected.append(state.contended[event].map { $0 > .now } ?? false ? nil : door)
        }
        guard !batch.isEmpty else { return nil }
        state.waiting -= batch.count
        state.underWay += batch.count
        state.batches += 1
        return Batch(waiters: batch, expected: expected.count == 1 ? expected[0] : nil)
    }
}
