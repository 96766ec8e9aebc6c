import Access
import Domain
import FoundationEssentials
import Persistence
import Postgres

/// Makes a signed-in person enter their password again, for actions that an unattended session must not allow.
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

/// Requires a sign-in or reauthentication less than ten minutes old.
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
