import Bootstrap
import Domain
import NIOCore
import Synchronization

/// A cache of public event data, kept for the rest of the second in which its load began.
///
/// One caller loads, the others that arrive meanwhile wait for its result. A write by this instance takes effect at
/// once, through ``invalidate(_:)``: later callers get nothing that was read before it, not even from a load in flight.
/// Writes of other instances show when the second is over; nginx uses the same second, so that its delay and this one
/// don't add up (see the decision record `0007-crowds-read-from-memory`).
///
/// Bounded: what doesn't fit is loaded for its waiters, and not kept.
final class EventCache: Sendable {
    /// Counters since startup.
    struct Statistics: Equatable, Sendable {
        var hits = 0
        /// Waited for another caller's load.
        var joins = 0
        var loads = 0
    }

    private struct State {
        /// The second, since 1970, that everything here belongs to.
        var second = Int.min
        var events = Shelf<EventID>()
        var lists = Shelf<PublishedList>()
        var statistics = Statistics()

        var count: Int { events.count + lists.count }
        var bytes: Int { events.bytes + lists.bytes }
    }

    private let state = Mutex(State())
    private let maximumEntries: Int
    private let maximumBytes: Int

    /// - Parameter maximumBytes: of kept representations.
    init(maximumEntries: Int = 4096, maximumBytes: Int = 32 << 20) {
        self.maximumEntries = maximumEntries
        self.maximumBytes = maximumBytes
    }

    var statistics: Statistics { state.withLock { $0.statistics } }

    func show(in metrics: PrometheusRegistry) {
        let name = "em_event_cache_reads_total"
        let help = "Reads of public events: cache hit, joined to a load in flight, or loaded."
        metrics.counter(name, help, labels: [("answer", "hit")]) { [self] in Double(statistics.hits) }
        metrics.counter(name, help, labels: [("answer", "join")]) { [self] in Double(statistics.joins) }
        metrics.counter(name, help, labels: [("answer", "load")]) { [self] in Double(statistics.loads) }
    }

    /// A public event, from memory or from `load`; nil, which is never kept, if `load` finds none.
    /// - Parameter second: of the clock, since 1970.
    /// - Throws: what the load threw, also for those who waited for it.
    func event(
        _ id: EventID, at second: Int, load: () async throws -> Representation?
    ) async throws -> Representation? {
        try await representation(of: id, on: \.events, at: second, load)
    }

    /// A page of the public list, from memory or from `load`.
    func list(
        _ list: PublishedList, at second: Int, load: () async throws -> Representation?
    ) async throws -> Representation? {
        try await representation(of: list, on: \.lists, at: second, load)
    }

    /// Invalidates events that this instance has written (or may have written, if a commit's result was lost): the next
    /// caller loads again. To be called after the commit and before anyone is told.
    func invalidate(_ events: some Sequence<EventID>) {
        state.withLock { state in
            for event in events { state.events[event] = nil }
            // Any of them may contain it.
            state.lists.removeAll()
        }
    }

    func invalidate(_ event: EventID) { invalidate(CollectionOfOne(event)) }

    /// Invalidates everything: the name of someone who may organize any event has changed.
    func invalidateAll() {
        state.withLock { state in
            state.events.removeAll()
            state.lists.removeAll()
        }
    }

    private func representation<Key>(
        of key: Key, on shelf: WritableKeyPath<State, Shelf<Key>>, at second: Int,
        _ load: () async throws -> Representation?
    ) async throws -> Representation? {
        while true {
            switch step(key, shelf, second) {
            case .show(let representation): return representation
            case .join(let flight):
                switch await flight.result() {
                case .landed(let representation): return representation
                case .failed(let error): throw error
                // Its loader was cancelled: the next caller loads.
                case .abandoned: continue
                }
            case .load(let flight):
                do {
                    let representation = try await load()
                    settle(flight, for: key, on: shelf, representation)
                    flight.land(.landed(representation))
                    return representation
                } catch {
                    settle(flight, for: key, on: shelf, nil)
                    flight.land(Task.isCancelled ? .abandoned : .failed(error))
                    throw error
                }
            }
        }
    }

    /// What a caller has to do.
    private enum Step {
        case show(Representation)
        case join(Flight)
        case load(Flight)
    }

    private func step<Key>(_ key: Key, _ shelf: WritableKeyPath<State, Shelf<Key>>, _ second: Int) -> Step {
        state.withLock { state in
            if second != state.second {
                state.events.removeAll()
                state.lists.removeAll()
                state.second = second
            }
            switch state[keyPath: shelf][key] {
            case .kept(let representation):
                state.statistics.hits += 1
                return .show(representation)
            case .loading(let flight):
                state.statistics.joins += 1
                return .join(flight)
            case nil:
                state.statistics.loads += 1
                let flight = Flight()
                if state.count < maximumEntries { state[keyPath: shelf][key] = .loading(flight) }
                return .load(flight)
            }
        }
    }

    /// Keeps a loaded value if its load is still current: not after an invalidation, nor when its second is over.
    private func settle<Key>(
        _ flight: Flight, for key: Key, on shelf: WritableKeyPath<State, Shelf<Key>>,
        _ representation: Representation?
    ) {
        state.withLock { state in
            guard case .loading(let current) = state[keyPath: shelf][key], current === flight else { return }
            let fits = state.bytes + (representation?.body.readableBytes ?? 0) <= maximumBytes
            state[keyPath: shelf][key] = fits ? representation.map { .kept($0) } : nil
        }
    }
}

private enum Entry {
    case kept(Representation)
    case loading(Flight)

    var bytes: Int {
        if case .kept(let representation) = self { representation.body.readableBytes } else { 0 }
    }
}

/// Entries of one kind, with their total size.
private struct Shelf<Key: Hashable & Sendable> {
    private var entries: [Key: Entry] = [:]
    private(set) var bytes = 0

    var count: Int { entries.count }

    subscript(_ key: Key) -> Entry? {
        get { entries[key] }
        set {
            bytes += (newValue?.bytes ?? 0) - (entries[key]?.bytes ?? 0)
            entries[key] = newValue
        }
    }

    mutating func removeAll() {
        if !entries.isEmpty { entries.removeAll() }
        bytes = 0
    }
}

/// A load that any number of callers wait for.
///
/// Waiting can't be canceled: a load ends by itself, at the latest with the database's timeout, and wakes everyone.
private final class Flight: Sendable {
    enum Result: Sendable {
        case landed(Representation?)
        case failed(any Error)
        case abandoned
    }

    private struct State {
        var waiting: [CheckedContinuation<Result, Never>] = []
        var result: Result?
    }

    private let state = Mutex(State())

    func result() async -> Result {
        await withCheckedContinuation { continuation in
            let known: Result? = state.withLock { state in
                if state.result == nil { state.waiting.append(continuation) }
                return state.result
            }
            if let known { continuation.resume(returning: known) }
        }
    }

    func land(_ result: Result) {
        let waiting = state.withLock { state in
            state.result = result
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume(returning: result) }
    }
}
