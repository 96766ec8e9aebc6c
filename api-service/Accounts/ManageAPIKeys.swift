import Access
import Domain
import FoundationEssentials
import Persistence
import Postgres

struct ManageAPIKeys: Sendable {
    let stores: Stores
    let clock: @Sendable () -> Date

    struct NewKey: Sendable {
        var name: String
        var scopes: [APIScope]
        var expiresAt: Date
    }

    /// - Parameter answer: makes the response to be stored: without the key itself, which is stored nowhere.
    /// - Returns: the stored response, and the key's text unless it was created before.
    /// - Throws: ``DomainError/limitReached``.
    func create(
        _ new: NewKey, by principal: Principal, once request: IdempotentRequest?,
        _ answer: (APIKey) throws -> StoredResponse
    ) async throws -> (Answered, made: (key: APIKey, token: APIKeyToken)?) {
        let key = APIKey(
            id: APIKeyID(), of: principal.userID, name: new.name, scopes: new.scopes, createdAt: clock(),
            expiresAt: new.expiresAt)
        let token = APIKeyToken(id: key.id)
        let answered = try await stores.change(once: request) { transaction in
            try await stores.apiKeys.insert(key, hash: token.hash, on: transaction)
            return Change(
                try answer(key),
                AuditRecord(
                    "api-key.created", by: principal.userID, subject: key.id.uuid,
                    AuditContent(after: [
                        "scopes": key.scopes.map(\.rawValue).joined(separator: " "),
                        "expiresAt": Timestamp.text(key.expiresAt),
                    ])))
        }
        return (answered, answered.isReplay ? nil : (key, token))
    }

    /// Idempotent.
    /// - Throws: ``DomainError/notFound``.
    func revoke(_ id: APIKeyID, by principal: Principal) async throws -> APIKey {
        try await stores.change { transaction in
            let (key, isNew) = try await stores.apiKeys.revoke(
                id, of: principal.userID, now: clock(), on: transaction)
            return isNew
                ? Change(key, AuditRecord("api-key.revoked", by: principal.userID, subject: id.uuid)) : .unchanged(key)
        }
    }
}
