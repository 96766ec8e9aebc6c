import Access
import Bootstrap
import Domain
import Logging
import Persistence
import Synchronization

/// The sessions that ended lately: an access token of theirs is worth nothing any more, although its signature and time
/// are good. A request costs one look into a table in memory.
///
/// What this instance ends it knows at once; what others end it reads from the database every second
/// (``EndedSessionPoller``). While the database is away nobody can end a session either. Bounded by the sessions that end
/// within the quarter of an hour that a token lives.
final class EndedSessions: Sendable {
    private struct State {
        /// When this instance heard of it.
        var heardAt: [SessionID: ContinuousClock.Instant] = [:]
        var lastSweep = ContinuousClock.now
    }

    /// A token that was made just before the end lives so long, and clocks differ a little.
    static let memory: Duration = AccessToken.lifetime + .seconds(60)

    private let state = Mutex(State())

    func contains(_ session: SessionID) -> Bool { state.withLock { $0.heardAt[session] != nil } }

    func insert(_ sessions: [SessionID]) {
        guard !sessions.isEmpty else { return }
        let now = ContinuousClock.now
        state.withLock { state in
            for session in sessions where state.heardAt[session] == nil { state.heardAt[session] = now }
            guard state.lastSweep.duration(to: now) > .seconds(60) else { return }
            state.lastSweep = now
            state.heardAt = state.heardAt.filter { $0.value.duration(to: now) < Self.memory }
        }
    }

    var count: Int { state.withLock { $0.heardAt.count } }
}

/// Reads which sessions ended anywhere, again and again.
struct EndedSessionPoller {
    let sessions: SessionStore
    let ended: EndedSessions
    let logger: Logger

    /// A session's end is dated by the start of the transaction that ended it, so every reading goes back further than to
    /// the one before.
    private static let overlap = 60.0
    private static let limit = 100_000

    /// In seconds.
    private static let memory = Double(EndedSessions.memory.components.seconds)

    var service: PeriodicService {
        PeriodicService("EndedSessionPoller", every: .seconds(1), atOnce: true, from: Self.memory) { reach in
            do {
                ended.insert(try await sessions.endedLately(within: reach, limit: Self.limit))
                reach = Self.overlap
            } catch is CancellationError {
                return
            } catch {
                // What ended meanwhile is read once the database is back.
                reach = Self.memory
                logger.debug("ended sessions not read", metadata: ["error": "\(error)"])
            }
        }
    }
}
