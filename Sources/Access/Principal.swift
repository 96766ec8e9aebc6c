public import Domain
public import FoundationEssentials

/// The authenticated caller: the content of a valid access token.
public struct Principal: Sendable, Hashable {
    public var userID: UserID
    /// The role at the time the token was issued; a change takes effect with the next token.
    public var role: Role
    /// The session of the token; for an API key its own id, which is no session's.
    public var sessionID: SessionID
    public var expiresAt: Date
    /// The scopes of an API key; nil for a signed-in person.
    public var scopes: Set<APIScope>?

    public init(
        userID: UserID, role: Role, sessionID: SessionID, expiresAt: Date, scopes: Set<APIScope>? = nil
    ) {
        self.userID = userID
        self.role = role
        self.sessionID = sessionID
        self.expiresAt = expiresAt
        self.scopes = scopes
    }
}
