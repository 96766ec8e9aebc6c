import Domain
import FoundationEssentials
import Persistence
import Postgres

/// Notes that an address is proven to be its account's: whoever follows a mailed link read the mail that went there.
///
/// Whoever signed up first with an address need not be the one whose it is. So the first proof ends what was made before
/// it, sessions, API keys, subscriptions and the password; and what others gave to the address takes effect only now.
struct ProveAddress: Sendable {
    let stores: Stores
    let clock: @Sendable () -> Date

    enum Proof: Sendable {
        /// The address was proven before: nothing changes.
        case known
        /// The link was that of the sign-up itself: what it made stays.
        case signUp
        /// Everything made before is over, the password too; the sessions that ended.
        case fresh([SessionID])
    }

    /// - Parameter keepsSignUp: whether the link is the one of the mail that the sign-up caused.
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
