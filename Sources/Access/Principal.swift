public import Domain
public import FoundationEssentials

/// Who asks: what a valid access token says.
public struct Principal: Sendable, Hashable {
    public var userID: UserID
    /// The role at the time the token was issued; a change takes effect with the next token.
    public var role: Role
    /// The sign-in that the token belongs to; of an API key its own id, which is no sign-in's.
    public var sessionID: SessionID
    public var expiresAt: Date
    /// What an API key may be used for; nil for a person who signed in.
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
