import DequeModule
import Domain
import Persistence
import Synchronization

/// The registration requests waiting for their batch, by event, and which events are next. Bounded; every method except
/// `next` returns at once.
///
/// Some committers take many events at a time and skip those whose capacity row is locked by someone else; others take
/// one such event and wait for the lock. So a slow event delays no other.
///
/// Requests for one event are committed in the order of their arrival: its next batch begins when the previous one has
/// ended. Only when many wait does it begin as soon as the previous one has its lock, and wait for it in the database,
/// which then continues without a round trip to us.
final class RegistrationQueue: Sendable {
    /// How a batch treats a capacity row that is locked by someone else.
    enum LockMode: Sendable, Hashable, CaseIterable {
        case skipLocked, waitForLock
    }

    /// A request and the caller that waits for its result.
    struct Waiter: Sendable {
        let request: RegistrationRequest
        let since: ContinuousClock.Instant
        let continuation: CheckedContinuation<RegistrationResult, any Error>
    }

    struct Batch: Sendable {
        var waiters: [Waiter]
        /// The capacity of the only event, as the previous batch left it; nil when it has to be read.
        var expected: ExpectedCapacity?
    }

    struct Limits: Sendable {
        /// Maximum number of waiting requests per event, and in total.
        var perEvent = 4096
        var total = 16_384
        /// Maximum number of requests, and of events, in a batch.
        var batch = 256
        var eventsPerBatch = 64
        /// Number of requests without a result from which the queue is crowded, and for a moment after.
        var crowd = 16
        var crowdLasts: Duration = .milliseconds(200)
        /// How long the batches of an event that was found locked wait for the lock right away: another instance is
        /// working on it.
        var contentionLasts: Duration = .seconds(1)
        /// Maximum number of remembered capacities.
        var remembered = 1024
    }

    private struct EventQueue {
        var waiters: Deque<Waiter> = []
        /// Whether its waiting requests are next, as soon as a committer is free.
        var isReady = false
        /// Its batches in flight, and of the last one: its size, and whether it has the event's lock.
        var batches = 0
        var lastSize = 0
        var isLocked = false

        /// Whether the waiting requests can begin: no batch is ahead of them, or the one that is holds the lock, and
        /// they are many.
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
        /// Events that have waiters or batches in flight.
        var events: [EventID: EventQueue] = [:]
        /// Events that were found locked, with the time until which their batches wait for the lock.
        var contended: [EventID: ContinuousClock.Instant] = [:]
        /// Capacities as this process left them, unless found otherwise since.
        var remembered: [EventID: ExpectedCapacity] = [:]
        /// Ready events, in the order in which they became ready.
        var ready: [LockMode: Deque<EventID>] = [:]
        var idle: [LockMode: [CheckedContinuation<Batch?, Never>]] = [:]
        /// Waiting requests, and requests and batches in flight.
        var waiting = 0
        var underWay = 0
        var batches = 0
        var crowdSeen: ContinuousClock.Instant?
        var isClosed = false

        /// Nothing waits, and nothing can return from a batch.
        var isOver: Bool { isClosed && waiting == 0 && batches == 0 }
    }

    /// An idle committer and the batch it gets.
    private typealias Start = (committer: CheckedContinuation<Batch?, Never>, batch: Batch?)

    private let limits: Limits
    private let state = Mutex(State())

    init(_ limits: Limits = Limits()) { self.limits = limits }

    /// Number of waiting requests, not counting those in a batch.
    var count: Int { state.withLock { $0.waiting } }

    /// Whether so many requests are without a result, or were a moment ago, that other work should yield.
    var isCrowded: Bool {
        state.withLock { state in
            state.waiting + state.underWay > limits.crowd
                || state.crowdSeen.map { $0.duration(to: .now) < limits.crowdLasts } ?? false
        }
    }

    /// Queues a request; false when the queue is full or closed.
    func enqueue(_ waiter: Waiter) -> Bool {
        let (isQueued, start) = state.withLock { state -> (Bool, Start?) in
            let event = waiter.request.eventID
            guard !state.isClosed, state.waiting < limits.total,
                state.events[event]?.waiters.count ?? 0 < limits.perEvent
            else { return (false, nil) }
            // In place: copying the queue for every request would be quadratic.
            state.events[event, default: EventQueue()].waiters.append(waiter)
            state.waiting += 1
            if state.waiting + state.underWay > limits.crowd { state.crowdSeen = waiter.since }
            return (true, begin(event, &state))
        }
        if let start { start.committer.resume(returning: start.batch) }
        return isQueued
    }

    /// The next batch for a committer, as soon as there is one; nil once the queue is closed and nothing is left to do.
    func next(_ mode: LockMode) async -> Batch? {
        await withCheckedContinuation { continuation in
            let start = state.withLock { state -> Start? in
                if let batch = take(mode, &state) { return (continuation, batch) }
                if state.isOver { return (continuation, nil) }
                state.idle[mode, default: []].append(continuation)
                return nil
            }
            if let start { start.committer.resume(returning: start.batch) }
        }
    }

    /// Notes that a batch in flight has the locks of these events.
    func locked(_ events: some Sequence<EventID>) {
        let starts = state.withLock { state in
            events.compactMap { event -> Start? in
                state.events[event]?.isLocked = true
                return begin(event, &state)
            }
        }
        for start in starts { start.committer.resume(returning: start.batch) }
    }

    /// Ends a batch. Requests whose event is locked by someone else return to the front of their queue.
    /// - Parameters:
    ///   - capacities: as the batch left them.
    ///   - wasUnexpected: whether the capacity was not as expected, which means that someone else changes it, too.
    func finish(_ batch: [Waiter], busy: [Waiter], capacities: [ExpectedCapacity] = [], wasUnexpected: Bool = false) {
        let starts = state.withLock { state -> [Start] in
            state.batches -= 1
            state.underWay -= batch.count
            let now = ContinuousClock.now
            // Expired entries are removed here, so that the table never outgrows the events contended at one moment.
            if !busy.isEmpty || wasUnexpected { state.contended = state.contended.filter { $0.value > now } }
            let busyRequests = Dictionary(grouping: busy, by: \.request.eventID)
            let left = Dictionary(capacities.map { ($0.eventID, $0) }, uniquingKeysWith: { first, _ in first })
            if state.remembered.count > limits.remembered { state.remembered = [:] }
            var starts: [Start] = []
            for event in Set(batch.map(\.request.eventID)) {
                state.events[event]?.batches -= 1
                if let again = busyRequests[event] {
                    state.events[event]?.waiters.prepend(contentsOf: again)
                    state.waiting += again.count
                }
                if busyRequests[event] != nil || wasUnexpected { state.contended[event] = now + limits.contentionLasts }
                // If another batch is in flight, that one will be the last.
                if state.events[event]?.batches == 0 { state.remembered[event] = left[event] }
                if let start = begin(event, &state) { starts.append(start) }
                if let queue = state.events[event], queue.waiters.isEmpty, queue.batches == 0 {
                    state.events[event] = nil
                }
            }
            return starts + ends(&state)
        }
        for start in starts { start.committer.resume(returning: start.batch) }
    }

    /// Accepts no more requests; committers finish what waits and what returns from batches, and then get nil.
    func close() {
        let starts = state.withLock { state -> [Start] in
            state.isClosed = true
            return ends(&state)
        }
        for start in starts { start.committer.resume(returning: start.batch) }
    }

    // MARK: Under the lock

    /// Makes a batch of the event's requests if they may begin, at once if a committer is idle.
    private func begin(_ event: EventID, _ state: inout State) -> Start? {
        guard let queue = state.events[event], queue.mayBegin(limits) else { return nil }
        let isContended = state.contended[event].map { $0 > .now } ?? false
        let mode: LockMode = isContended || queue.batches > 0 ? .waitForLock : .skipLocked
        state.events[event]?.isReady = true
        state.ready[mode, default: []].append(event)
        guard let idle = state.idle[mode]?.popLast() else { return nil }
        return (idle, take(mode, &state))
    }

    /// Ends the idle committers once everything is over.
    private func ends(_ state: inout State) -> [Start] {
        guard state.isOver else { return [] }
        defer { state.idle = [:] }
        return state.idle.values.joined().map { ($0, nil) }
    }

    private func take(_ mode: LockMode, _ state: inout State) -> Batch? {
        let events = mode == .skipLocked ? limits.eventsPerBatch : 1
        var batch: [Waiter] = []
        var expected: [ExpectedCapacity?] = []
        for _ in 0..<events {
            guard batch.count < limits.batch, let event = state.ready[mode]?.popFirst() else { break }
            batch += state.events[event]?.take(atMost: limits.batch - batch.count) ?? []
            let capacity = state.remembered.removeValue(forKey: event)
            expected.append(state.contended[event].map { $0 > .now } ?? false ? nil : capacity)
        }
        guard !batch.isEmpty else { return nil }
        state.waiting -= batch.count
        state.underWay += batch.count
        state.batches += 1
        return Batch(waiters: batch, expected: expected.count == 1 ? expected[0] : nil)
    }
}
