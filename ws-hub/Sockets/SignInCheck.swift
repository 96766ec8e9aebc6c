import Access
import Bootstrap
import Domain
import Logging
import NIOCore
import Persistence

/// A service that closes the sockets of people who signed out, got a new password, lost a role or left an event's team.
///
/// Queries the database about every two seconds, once for all sessions of this hub and once for all dashboards, so that
/// nothing depends on updates that can be lost: whoever has lost access is out within five seconds. While the database
/// is unreachable the sockets stay, as the API keeps accepting tokens; they end with the token at the latest.
struct SignInCheck {
    let hubs: Hubs
    let access: HubAccess
    let metrics: HubMetrics
    let logger: Logger

    /// Every one and a half to two seconds.
    var service: PeriodicService {
        PeriodicService("SignInCheck", every: .milliseconds(1750), jitter: 1 / 7) { await check() }
    }

    private func check() async {
        do {
            var present = Presence()
            for hub in hubs.all { try await present.add(hub.eventLoop.submit { hub.presence() }.get()) }
            guard !present.principals.isEmpty else { return }
            let signIns = try await access.store.signIns(present.principals.map(\.key))
            let endings = present.principals.compactMapValues { principal in
                switch HubAccess.SessionState(of: principal, signIns[principal.sessionID]) {
                case .stands: nil as CloseCode?
                case .signedOut: .signedOut
                case .demoted: .notAuthenticated
                }
            }
            let roles = try await access.store.memberships(Array(present.seats.keys))
            let lost = present.seats.filter { seat, role in
                !HubAccess.mayFollowDashboard(role: role, membership: roles[seat])
            }
            guard !endings.isEmpty || !lost.isEmpty else { return }
            let seats = Set(lost.keys)
            for hub in hubs.all { hub.eventLoop.execute { hub.end(endings, seats) } }
        } catch is CancellationError {
            return
        } catch {
            metrics.checkFailed()
            logger.debug("session check failed", metadata: ["error": "\(error)"])
        }
    }
}

/// The connected people.
struct Presence: Sendable {
    /// By session; of several tokens of one, the most powerful.
    var principals: [SessionID: Principal] = [:]
    /// The followers of each dashboard, with the role of their token.
    var seats: [EventSeat: Role] = [:]

    mutating func add(_ principal: Principal, dashboards: [EventID]) {
        principals[principal.sessionID] = principal
        for id in dashboards { seats[EventSeat(user: principal.userID, event: id)] = principal.role }
    }

    mutating func add(_ other: Presence) {
        principals.merge(other.principals) { $1 }
        seats.merge(other.seats) { $1 }
    }
}

extension Hub {
    /// Everyone signed in on this loop.
    func presence() -> Presence {
        var presence = Presence()
        forEachSession { session in
            guard let principal = session.principal, !session.isClosing else { return }
            let dashboards = session.subscriptions.keys.compactMap { topic in
                if case .organizer(let id) = topic { id } else { nil }
            }
            presence.add(principal, dashboards: dashboards)
        }
        return presence
    }

    /// Closes the sockets of these sessions, and those that follow these dashboards.
    func end(_ signIns: [SessionID: CloseCode], _ seats: Set<EventSeat>) {
        forEachSession { session in
            guard let principal = session.principal else { return }
            if let code = signIns[principal.sessionID] { return session.close(code) }
            let isOut = session.subscriptions.keys.contains { topic in
                guard case .organizer(let id) = topic else { return false }
                return seats.contains(EventSeat(user: principal.userID, event: id))
            }
            if isOut { session.close(.notAllowed) }
        }
    }
}
