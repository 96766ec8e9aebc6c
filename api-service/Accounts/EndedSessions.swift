import Access
import Bootstrap
import Domain
import Logging
import Persistence
import Synchronization

/// The recently ended sessions: their access tokens are rejected, although signature and expiry are valid. A request
/// costs one lookup in memory.
///
/// Sessions that this instance ends are known at once; others are read from the database every second
/// (``EndedSessionPoller``). While the database is unreachable, no one can end a session either. Bounded by the
/// sessions that end within the fifteen minutes of a token's lifetime.
final class EndedSessions: Sendable {
    private struct State {
        /// When this instance learned of it.
        var heardAt: [SessionID: ContinuousClock.Instant] = [:]
        var lastSweep = ContinuousClock.now
    }

    /// A token created just before the end lives this long, and clocks differ slightly.
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

/// A periodic service that polls for sessions ended anywhere.
struct EndedSessionPoller {
    let sessions: SessionStore
    let ended: EndedSessions
    let logger: Logger

    /// A session's end has the start time of its transaction, so every poll reaches back beyond the previous one.
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
                // Sessions ended meanwhile are read once the database is back.
                reach = Self.memory
                logger.debug("ended sessions not read", metadata: ["error": "\(error)"])
            }
        }
    }
}
