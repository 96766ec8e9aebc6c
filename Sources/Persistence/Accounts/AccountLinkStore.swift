public import Domain
public import FoundationEssentials
public import Postgres

public enum AccountLinkPurpose: String, Sendable, CaseIterable {
    case verifyEmail
    case resetPassword
    case changeEmail
    /// Signs in its bearer, once.
    case signIn
}

extension AccountLinkPurpose: PostgresEncodable, PostgresDecodable {}

/// The links in account emails: each valid once, for an hour. Only the tokens' SHA-256 is stored.
public struct AccountLinkStore: Sendable {
    /// How long a link is valid.
    public static let lifetime: TimeInterval = 3600

    let database: Database

    public init(_ database: Database) { self.database = database }

    /// Stores a new link, committed on return: the email that contains it may arrive before any other transaction
    /// commits. Deletes the person's expired links.
    /// - Parameters:
    ///   - email: the recipient's address, if the link confirms it.
    ///   - keepsSignUp: for the sign-up email: what the sign-up created stays when the link is used.
    public func create(
        _ tokenHash: [UInt8], of user: UserID, for purpose: AccountLinkPurpose, email: String? = nil,
        keepsSignUp: Bool = false, now: Date
    ) async throws {
        try await database.execute(
            Self.creation(tokenHash, of: user, for: purpose, email: email, keepsSignUp: keepsSignUp, now: now))
    }

    /// The same within a transaction, for a link that is sent after its commit.
    public func create(
        _ tokenHash: [UInt8], of user: UserID, for purpose: AccountLinkPurpose, now: Date,
        on transaction: Transaction
    ) async throws {
        _ = try await transaction.pipeline(
            Self.creation(tokenHash, of: user, for: purpose, email: nil, keepsSignUp: false, now: now))
    }

    private static func creation(
        _ tokenHash: [UInt8], of user: UserID, for purpose: AccountLinkPurpose, email: String?, keepsSignUp: Bool,
        now: Date
    ) -> [SQL] {
        [
            "DELETE FROM account_links WHERE user_id = \(user) AND expires_at <= \(now)",
            """
            INSERT INTO account_links (token_hash, user_id, purpose, email, keeps_sign_up, created_at, expires_at)
            VALUES (\(tokenHash), \(user), \(purpose), \(email), \(keepsSignUp), \(now),
                \(now.addingTimeInterval(lifetime)))
            """,
        ]
    }

    /// Whether a link is valid at this moment. Only ``use(_:for:now:on:)`` decides.
    public func isGood(_ tokenHash: [UInt8], for purpose: AccountLinkPurpose, now: Date) async throws -> Bool {
        try await !database.read(
            """
            SELECT 1 FROM account_links
            WHERE token_hash = \(tokenHash) AND purpose = \(purpose) AND used_at IS NULL AND expires_at > \(now)
            """
        ).isEmpty
    }

    /// Consumes a link, and all others of the same person for the same purpose; returns its person.
    /// - Throws: ``DomainError/linkInvalid`` if it is unknown, used or expired.
    public func use(
        _ tokenHash: [UInt8], for purpose: AccountLinkPurpose, now: Date, on transaction: Transaction
    ) async throws -> UserID {
        try await useLink(tokenHash, for: purpose, now: now, on: transaction).user
    }

    /// The same for a link that confirms an account's email, with whether sign-up caused it.
    public func useForProof(
        _ tokenHash: [UInt8], now: Date, on transaction: Transaction
    ) async throws -> (user: UserID, keepsSignUp: Bool) {
        let used = try await useLink(tokenHash, for: .verifyEmail, now: now, on: transaction)
        return (used.user, used.keepsSignUp)
    }

    /// The same for a link that confirms an address, with that address.
    public func useForAddress(
        _ tokenHash: [UInt8], now: Date, on transaction: Transaction
    ) async throws -> (user: UserID, email: String) {
        let used = try await useLink(tokenHash, for: .changeEmail, now: now, on: transaction)
        guard let email = used.email else { throw DomainError.linkInvalid }
        return (used.user, email)
    }

    /// Invalidates a person's unused links.
    public func revokeAll(
        of user: UserID, for purposes: [AccountLinkPurpose], now: Date, on transaction: Transaction
    ) async throws {
        _ = try await transaction.query(
            """
            UPDATE account_links SET used_at = \(now)
            WHERE user_id = \(user) AND used_at IS NULL AND purpose = ANY(\(purposes.map(\.rawValue)))
            """)
    }

    private func useLink(
        _ tokenHash: [UInt8], for purpose: AccountLinkPurpose, now: Date, on transaction: Transaction
    ) async throws -> (user: UserID, email: String?, keepsSignUp: Bool) {
        // The person's row is locked first, so that of two concurrent links only one counts.
        let used = try await transaction.pipeline([
            """
            SELECT 1 FROM users u JOIN account_links l ON l.user_id = u.id
            WHERE l.token_hash = \(tokenHash) FOR NO KEY UPDATE OF u
            """,
            """
            UPDATE account_links SET used_at = \(now)
            WHERE purpose = \(purpose) AND used_at IS NULL AND user_id = (
                SELECT user_id FROM account_links
                WHERE token_hash = \(tokenHash) AND purpose = \(purpose) AND used_at IS NULL AND expires_at > \(now))
            RETURNING user_id, CASE WHEN token_hash = \(tokenHash) THEN email END AS email, keeps_sign_up,
                token_hash = \(tokenHash) AS is_it
            """,
        ])[1]
        guard let row = try used.first(where: { try $0.decode("is_it", as: Bool.self) }) else {
            throw DomainError.linkInvalid
        }
        return (try row.decode("user_id"), try row.decode("email"), try row.decode("keeps_sign_up"))
    }
}
