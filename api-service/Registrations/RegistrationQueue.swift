import DequeModule
import Domain
import Persistence
import Synchronization

/// The requests that wait for their batch, by event, and which events are next. Bounded; every method but `next` returns at once.
///
/// Some committers take many events at a time and skip those whose capacity row someone else has locked; others take one such
/// event and wait for the lock. So a slow event delays no other.
///
/// Requests for one event are committed in the order in which they came: its next batch begins when the one before has ended.
/// Only when many wait does it begin as soon as the one before has its lock, and wait for it in the database, which then goes on
/// without waiting for us.
final class RegistrationQueue: Sendable {
    /// What a batch does about a capacity row that someone else has locked.
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
        /// The capacity of the only event, as the batch before left it; nil when it has to be read.
        var expected: ExpectedCapacity?
    }

    struct Limits: Sendable {
        /// Requests that may wait for one event, and in all.
        var perEvent = 4096
        var total = 16_384
        /// Requests and events of one batch.
        var batch = 256
        var eventsPerBatch = 64
        /// From so many requests without a result on it is crowded, and for a moment after.
        var crowd = 16
        var crowdLasts: Duration = .milliseconds(200)
        /// How long the batches of an event that was found locked wait for the lock at once: another instance is busy with it.
        var contentionLasts: Duration = .seconds(1)
        /// How many capacities are remembered.
        var remembered = 1024
    }

    /// The requests for one event.
    private struct EventQueue {
        var waiters: Deque<Waiter> = []
        /// Whether those who wait are next, as soon as a committer is free.
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
        var events: [EventID: EventQueue] = [:]
        /// Events that were found locked, and until when their batches wait for the lock.
        var contended: [EventID: ContinuousClock.Instant] = [:]
        /// Capacities as this process left them, unless they were found otherwise since.
        var remembered: [EventID: ExpectedCapacity] = [:]
        /// Events that are ready, in the order in which they became so.
        var ready: [LockMode: Deque<EventID>] = [:]
        var idle: [LockMode: [CheckedContinuation<Batch?, Never>]] = [:]
        /// Requests that wait, and requests and batches under way.
        var waiting = 0
        var underWay = 0
        var batches = 0
        var crowdSeen: ContinuousClock.Instant?
        var isClosed = false

        /// Nothing waits, and nothing can come back from a batch.
        var isOver: Bool { isClosed && waiting == 0 && batches == 0 }
    }

    /// An idle committer and what it gets to do.
    private typealias Start = (committer: CheckedContinuation<Batch?, Never>, batch: Batch?)

    private let limits: Limits
    private let state = Mutex(State())

    init(_ limits: Limits = Limits()) { self.limits = limits }

    /// How many requests wait, those in a batch not counted.
    var count: Int { state.withLock { $0.waiting } }

    /// Whether so many requests are without a result, or were a moment ago, that other work should wait.
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
            // In place: a copy of the queue for every request would be quadratic.
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

    /// A batch under way has the locks of these events.
    func locked(_ events: some Sequence<EventID>) {
        let starts = state.withLock { state in
            events.compactMap { event -> Start? in
                state.events[event]?.isLocked = true
                return begin(event, &state)
            }
        }
        for start in starts { start.committer.resume(returning: start.batch) }
    }

    /// Ends a batch. Requests whose event someone else has locked go back to the front of their queue.
    /// - Parameters:
    ///   - capacities: as the batch has left them.
    ///   - wasUnexpected: whether the capacity was not as expected: someone else changes it, too.
    func finish(_ batch: [Waiter], busy: [Waiter], capacities: [ExpectedCapacity] = [], wasUnexpected: Bool = false) {
        let starts = state.withLock { state -> [Start] in
            state.batches -= 1
            state.underWay -= batch.count
            let now = ContinuousClock.now
            // What was contended once is forgotten here: the table never outgrows the events of one moment.
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
                // While another batch is under way, that one will have been the last.
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

    /// Takes no more requests; committers finish what waits, and what comes back from batches, and then get nil.
    func close() {
        let starts = state.withLock { state -> [Start] in
            state.isClosed = true
            return ends(&state)
        }
        for start in starts { start.committer.resume(returning: start.batch) }
    }

    // MARK: Under the lock

    /// Makes the event's requests a batch, if they may be one, at once if a committer is idle.
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
