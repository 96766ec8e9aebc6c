import Domain
import NIOCore

/// The conflation of one topic's counts on a loop: sends the newest revision only, never an older one after a newer
/// one, and at most one per interval. Earlier updates wait for the end of the interval, where the latest wins.
struct CountsConflation {
    enum Step: Equatable {
        /// Nothing new, or something newer will be sent soon anyway.
        case nothing
        /// Send ``latest`` now.
        case send
        /// Call ``flush(at:)`` at that time.
        case flush(at: NIODeadline)
    }

    private(set) var latest: Places?
    private var sentRevision: Int?
    private var nextSend = NIODeadline.uptimeNanoseconds(0)
    private var isFlushPlanned = false
    private let interval: Duration

    init(interval: Duration) { self.interval = interval }

    /// Adds counts from any source, in any order.
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

    /// Sets the state with which the topic opens: everyone gets it as a snapshot, so it need not be sent.
    mutating func open(with places: Places) {
        guard latest.map({ $0.revision < places.revision }) ?? true else { return }
        latest = places
        sentRevision = places.revision
    }

    /// To be called at the planned time. Returns whether ``latest`` is to be sent now.
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
