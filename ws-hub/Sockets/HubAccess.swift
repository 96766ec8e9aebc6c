import Access
import Domain
import Persistence

/// Who people are and what they may hear: by their token's signature, and by the database.
struct HubAccess: Sendable {
    let verifier: AccessTokenVerifier
    let store: LiveStore

    /// Whether a token still says the truth.
    enum SessionState {
        case stands
        /// The person signed out, the session was revoked (a new password does that), or the person is gone.
        case signedOut
        /// The person may do less now than the token says.
        case demoted

        init(of principal: Principal, _ signIn: SignIn?) {
            guard let signIn, !signIn.isOver, signIn.userID == principal.userID else {
                self = .signedOut
                return
            }
            self = signIn.role.rank < principal.role.rank ? .demoted : .stands
        }
    }

    /// Who a token speaks for, and whether it still may.
    /// - Throws: ``AccessTokenError``.
    func admit(_ token: String) async throws(AccessTokenError) -> (Principal, SessionState) {
        let principal = try await verifier.verify(token)
        do {
            let signIn = try await store.signIns([principal.sessionID])[principal.sessionID]
            return (principal, SessionState(of: principal, signIn))
        } catch {
            // Without the database the signature has to do, as it does for the API; ``SignInCheck`` asks again and again.
            return (principal, .stands)
        }
    }

    /// Whether a person may follow an event's dashboard.
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
    /// Each may do what those below may.
    fileprivate var rank: Int {
        switch self {
        case .user: 0
        case .organizer: 1
        case .admin: 2
        }
    }
}
