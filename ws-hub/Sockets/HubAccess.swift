import Access
import Domain
import Persistence

/// Authentication and authorization of sockets: by the token's signature, and by the database.
struct HubAccess: Sendable {
    let verifier: AccessTokenVerifier
    let store: LiveStore

    /// Whether a token is still valid.
    enum SessionState {
        case stands
        /// The person signed out, the session was revoked (a new password does that), or the person was deleted.
        case signedOut
        /// The person has fewer rights now than the token states.
        case demoted

        init(of principal: Principal, _ signIn: SignIn?) {
            guard let signIn, !signIn.isOver, signIn.userID == principal.userID else {
                self = .signedOut
                return
            }
            self = signIn.role.rank < principal.role.rank ? .demoted : .stands
        }
    }

    /// The token's principal, and whether it is still valid.
    /// - Throws: ``AccessTokenError``.
    func admit(_ token: String) async throws(AccessTokenError) -> (Principal, SessionState) {
        let principal = try await verifier.verify(token)
        do {
            let signIn = try await store.signIns([principal.sessionID])[principal.sessionID]
            return (principal, SessionState(of: principal, signIn))
        } catch {
            // Without the database the signature is enough, as it is for the API; ``SignInCheck`` keeps checking.
            return (principal, .stands)
        }
    }

    /// Whether a person can follow an event's dashboard.
    func mayFollowDashboard(of event: EventID, _ principal: Principal) async throws -> Bool {
        let seat = EventSeat(user: principal.userID, event: event)
        return Self.mayFollowDashboard(
            role: principal.role, membership: try await store.memberships([seat])[seat])
    }

    static func mayFollowDashboard(role: Role, membership: MembershipRole?) -> Bool {
        Policy.decide(.viewStatistics, role: role, membership: membership) == .allowed
    }
}

extension Role {
    /// Each rank includes the rights of those below.
    fileprivate var rank: Int {
        switch self {
        case .user: 0
        case .organizer: 1
        case .admin: 2
        }
    }
}
