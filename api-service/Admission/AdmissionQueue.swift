import Domain
import Persistence
import Synchronization

/// Who waits at which event's door, and whose turn it is. Bounded; every method returns at once but `next`.
///
/// An event is in at most one batch at a time, so its wishes are fulfilled in the order in which they came. There are
/// two kinds of lanes: quick ones take many events at once and leave out those that somebody else has locked; patient
/// ones take one such event and wait for it. So a slow event holds nobody else up.
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

    struct Limits: Sendable {
        /// Wishes that may wait for one event, and in all.
        var perEvent = 4096
        var total = 16_384
        /// Wishes and events of one batch.
        var batch = 256
        var eventsPerBatch = 64
        /// How long an event that was found locked goes to a patient lane at once: another instance has the crowd, too.
        var patience: Duration = .seconds(1)
    }

    private struct Line {
        var waiters: [Waiter] = []
        var isInBatch = false
        var contendedUntil: ContinuousClock.Instant?
    }

    private struct State {
        var lines: [EventID: Line] = [:]
        /// Events with waiters that are in no batch, in the order in which they became so.
        var ready: [Lane: [EventID]] = [:]
        var idle: [Lane: [CheckedContinuation<[Waiter]?, Never>]] = [:]
        var count = 0
        var isClosed = false
    }

    /// An idle lane and what it gets to do.
    private typealias Start = (lane: CheckedContinuation<[Waiter]?, Never>, batch: [Waiter]?)

    private let limits: Limits
    private let state = Mutex(State())

    init(_ limits: Limits = Limits()) { self.limits = limits }

    /// How many wishes wait, those in a batch not counted.
    var count: Int { state.withLock { $0.count } }

    /// Queues a wish; false when the queue is full or closed.
    func enqueue(_ waiter: Waiter) -> Bool {
        let (isQueued, start) = state.withLock { state -> (Bool, Start?) in
            let event = waiter.wish.eventID
            var line = state.lines[event] ?? Line()
            guard !state.isClosed, state.count < limits.total, line.waiters.count < limits.perEvent else {
                return (false, nil)
            }
            line.waiters.append(waiter)
            state.count += 1
            let isNew = line.waiters.count == 1 && !line.isInBatch
            state.lines[event] = line
            guard isNew else { return (true, nil) }
            return (true, begin(makeReady(event, &state), &state))
        }
        if let start { start.lane.resume(returning: start.batch) }
        return isQueued
    }

    /// The next batch for a lane, as soon as there is one; nil once the queue is closed and empty.
    func next(_ lane: Lane) async -> [Waiter]? {
        await withCheckedContinuation { continuation in
            let start = state.withLock { state -> Start? in
                if let batch = take(lane, &state) { return (continuation, batch) }
                if state.isClosed { return (continuation, nil) }
                state.idle[lane, default: []].append(continuation)
                return nil
            }
            if let start { start.lane.resume(returning: start.batch) }
        }
    }

    /// Ends a batch. Those for whose event somebody else holds the lock go back to the front of their line.
    func finish(_ batch: [Waiter], busy: [Waiter]) {
        let starts = state.withLock { state -> [Start] in
            let busyLines = Dictionary(grouping: busy, by: \.wish.eventID)
            var starts: [Start] = []
            for event in Set(batch.map(\.wish.eventID)) {
                guard var line = state.lines[event] else { continue }
                line.isInBatch = false
                if let again = busyLines[event] {
                    line.waiters.insert(contentsOf: again, at: 0)
                    line.contendedUntil = .now + limits.patience
                    state.count += again.count
                }
                state.lines[event] = line.waiters.isEmpty && line.contendedUntil == nil ? nil : line
                guard !line.waiters.isEmpty else { continue }
                if let start = begin(makeReady(event, &state), &state) { starts.append(start) }
            }
            return starts
        }
        for start in starts { start.lane.resume(returning: start.batch) }
    }

    /// Takes no more wishes; lanes finish what waits and then get nil.
    func close() {
        let idle = state.withLock { state in
            state.isClosed = true
            defer { state.idle = [:] }
            return state.idle.values.flatMap(\.self)
        }
        for lane in idle { lane.resume(returning: nil) }
    }

    // MARK: Under the lock

    private func makeReady(_ event: EventID, _ state: inout State) -> Lane {
        var lane = Lane.quick
        if let until = state.lines[event]?.contendedUntil {
            if until > .now { lane = .patient } else { state.lines[event]?.contendedUntil = nil }
        }
        state.ready[lane, default: []].append(event)
        return lane
    }

    private func begin(_ lane: Lane, _ state: inout State) -> Start? {
        guard let idle = state.idle[lane]?.popLast() else { return nil }
        return (idle, take(lane, &state))
    }

    private func take(_ lane: Lane, _ state: inout State) -> [Waiter]? {
        let events = lane == .quick ? limits.eventsPerBatch : 1
        var batch: [Waiter] = []
        var taken = 0
        for event in state.ready[lane] ?? [] {
            guard taken < events, batch.count < limits.batch, var line = state.lines[event] else { break }
            let part = line.waiters.prefix(limits.batch - batch.count)
            line.waiters.removeFirst(part.count)
            line.isInBatch = true
            state.lines[event] = line
            batch += part
            taken += 1
        }
        state.ready[lane]?.removeFirst(taken)
        state.count -= batch.count
        return batch.isEmpty ? nil : batch
    }
}
