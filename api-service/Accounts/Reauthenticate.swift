import Access
import Domain
import FoundationEssentials
import Persistence
import Postgres

/// Has somebody who is signed in show once more that it is them: for what a session left open must not be enough for.
struct Reauthenticate: Sendable {
    let stores: Stores
    let checkPassword: CheckPassword
    let clock: @Sendable () -> Date

    /// - Throws: ``DomainError/invalidCredentials``.
    func perform(_ principal: Principal, password: String, from origin: RequestOrigin) async throws {
        _ = try await checkPassword.perform(principal, password: password, from: origin)
        let now = clock()
        try await stores.database.transaction { transaction in
            try await stores.sessions.noteAuthentication(principal.sessionID, at: now, on: transaction)
        }
    }
}

/// Wants a sign-in, or a password entered since, that is younger than ten minutes.
struct RecentSignIn: Sendable {
    /// In seconds.
    static let maximumAge: TimeInterval = 600

    let stores: Stores
    let clock: @Sendable () -> Date

    /// - Throws: ``DomainError/reauthenticationRequired``.
    func require(of principal: Principal) async throws {
        guard let at = try await stores.sessions.authenticatedAt(principal.sessionID),
            clock().timeIntervalSince(at) <= Self.maximumAge
        else { throw DomainError.reauthenticationRequired }
    }
}
