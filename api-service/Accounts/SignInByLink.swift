import Domain
import FoundationEssentials
import Persistence
import Postgres

/// Signs in with a one-time link: the way in while email doesn't work (`api-service create-admin`).
struct SignInByLink: Sendable {
    let stores: Stores
    let proveAddress: ProveAddress
    let openSession: OpenSession
    let clock: @Sendable () -> Date

    /// - Throws: ``DomainError/linkInvalid``, ``DomainError/accountLocked``.
    func perform(_ token: SecretToken, from origin: RequestOrigin) async throws -> SessionGrant {
        let now = clock()
        let (grant, ended) = try await stores.database.transaction { transaction in
            let id = try await stores.accountLinks.use(token.hash, for: .signIn, now: now, on: transaction)
            guard let user = try await stores.users.find(id) else { throw DomainError.linkInvalid }
            if user.lockedAt != nil { throw DomainError.accountLocked }
            let proof = try await proveAddress.perform(id, keepsSignUp: false, on: transaction)
            let ended = if case .fresh(let sessions) = proof { sessions } else { [SessionID]() }
            return (try await openSession.perform(for: user, from: origin, on: transaction), ended)
        }
        stores.endedSessions.insert(ended)
        return grant
    }
}
