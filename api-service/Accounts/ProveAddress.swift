import Domain
import FoundationEssentials
import Persistence
import Postgres

/// Records that an email belongs to its account: whoever follows an emailed link has read the email.
///
/// Whoever signed up first with an address need not be its owner. So the first confirmation removes what was created
/// before it: sessions, API keys, subscriptions and the password; and what others gave to the address takes effect only
/// now.
struct ProveAddress: Sendable {
    let stores: Stores
    let clock: @Sendable () -> Date

    enum Proof: Sendable {
        /// Confirmed before: nothing changes.
        case known
        /// The link was the sign-up's own: what it created stays.
        case signUp
        /// Everything created before is removed, including the password; the sessions that ended.
        case fresh([SessionID])
    }

    /// - Parameter keepsSignUp: whether the link is from the sign-up email.
    func perform(_ user: UserID, keepsSignUp: Bool, on transaction: Transaction) async throws -> Proof {
        let now = clock()
        guard try await stores.users.markEmailVerified(user, at: now, on: transaction) else { return .known }
        try await stores.members.takeUpOffers(of: user, on: transaction)
        if keepsSignUp { return .signUp }
        try await stores.apiKeys.revokeAll(of: user, now: now, on: transaction)
        try await stores.subscriptions.removeAll(of: user, now: now, on: transaction)
        try await stores.users.removePassword(of: user, on: transaction)
        return .fresh(try await stores.sessions.revokeAll(of: user, on: transaction))
    }
}
