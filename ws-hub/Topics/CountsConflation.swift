import Domain
import NIOCore

/// Decides which counts of one topic leave a loop, and when: the newest revision only, never an older one after a newer
/// one, and at most one every interval. What comes sooner waits for the end of the interval, where the latest wins.
struct CountsConflation {
    enum Step: Equatable {
        /// Nothing new, or something newer will leave soon anyway.
        case nothing
        /// Send ``latest`` now.
        case send
        /// Call ``flush(at:)`` then.
        case flush(at: NIODeadline)
    }

    private(set) var latest: Places?
    private var sentRevision: Int?
    private var nextSend = NIODeadline.uptimeNanoseconds(0)
    private var isFlushPlanned = false
    private let interval: Duration

    init(interval: Duration) { self.interval = interval }

    /// Takes in counts from anywhere, in any order.
    mutating func offer(_ places: Places, at now: NIODeadline) -> Step {
        if let latest, latest.revision >= places.revision { return .nothing }
        latest = places
        if isFlushPlanned { return .nothing }
        if now >= nextSend {
            markSent(at: now)
            return .send
        }
        isFlushPlanned = true
        return .flush(at: nextSend)
    }

    /// Takes in the state with which the topic opens: everybody gets it as a snapshot, so it needs no sending.
    mutating func open(with places: Places) {
        guard latest.map({ $0.revision < places.revision }) ?? true else { return }
        latest = places
        sentRevision = places.revision
    }

    /// The planned moment has come. Returns whether ``latest`` is to be sent now.
    mutating func flush(at now: NIODeadline) -> Bool {
        isFlushPlanned = false
        guard let latest, latest.revision != sentRevision else { return false }
        markSent(at: now)
        return true
    }

    private mutating func markSent(at now: NIODeadline) {
        sentRevision = latest?.revision
        nextSend = now + interval
    }
}
