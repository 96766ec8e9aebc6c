import Domain
import Persistence
import Postgres

/// Signs a browser out: its family of refresh tokens is worth nothing any more.
struct LogOut: Sendable {
    let stores: Stores

    /// The access token ends with it. A token that is unknown or signed out already changes nothing.
    func perform(_ token: SecretToken) async throws {
        let ended = try await stores.database.transaction { transaction in
            try await stores.sessions.revoke(tokenHash: token.hash, on: transaction)
        }
        if let ended { stores.endedSessions.insert([ended]) }
    }
}
