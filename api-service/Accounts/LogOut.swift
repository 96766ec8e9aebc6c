import Domain
import Persistence
import Postgres

/// Signs out a browser: revokes its family of refresh tokens.
struct LogOut: Sendable {
    let stores: Stores

    /// The access token ends with it. An unknown or revoked token changes nothing.
    func perform(_ token: SecretToken) async throws {
        let ended = try await stores.database.transaction { transaction in
            try await stores.sessions.revoke(tokenHash: token.hash, on: transaction)
        }
        if let ended { stores.endedSessions.insert([ended]) }
    }
}
