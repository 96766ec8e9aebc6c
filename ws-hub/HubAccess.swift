import Access
import Domain

/// What the hub asks others about people.
struct HubAccess: Sendable {
    /// Who a token speaks for; throws ``AccessTokenError``.
    var verify: @Sendable (_ token: String) async throws -> Principal
    /// Somebody's role in an event, if any, from the database.
    var membership: @Sendable (_ user: UserID, _ event: EventID) async throws -> MembershipRole?

    /// Whether a person may follow an event's dashboard.
    func mayFollowDashboard(of event: EventID, _ principal: Principal) async throws -> Bool {
        let membership = try await membership(principal.userID, event)
        return Policy.decide(.viewStatistics, role: principal.role, membership: membership) == .allowed
    }
}
