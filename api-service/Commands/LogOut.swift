import Domain
import Persistence
import Postgres

/// Signs a browser out: its family of refresh tokens is worth nothing any more.
struct LogOut: Sendable {
    let stores: Stores

    /// A token that is unknown or signed out already changes nothing.
    func perform(_ token: SecretToken) async throws {
        try await stores.database.transaction { transaction in
            _ = try await stores.sessions.revoke(tokenHash: token.hash, on: transaction)
        }
    }
}
