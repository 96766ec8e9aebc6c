import Domain
import FoundationEssentials
import Persistence
import Postgres

/// What a command did in its transaction: its result, and what has to be committed with it.
///
/// A result is made with the audit entry of the change, or by ``unchanged(_:)``, so that no command can forget the entry.
/// ``Stores/change(of:_:)`` writes the entry and the messages.
struct Change<Value: Sendable>: Sendable {
    fileprivate let value: Value
    fileprivate let audit: AuditRecord?
    fileprivate let messages: [OutboxEntry]
    fileprivate let endedSessions: [SessionID]

    private init(value: Value, audit: AuditRecord?, messages: [OutboxEntry], endedSessions: [SessionID]) {
        (self.value, self.audit, self.messages, self.endedSessions) = (value, audit, messages, endedSessions)
    }

    /// - Parameters:
    ///   - messages: published once the transaction is committed.
    ///   - endedSessions: whose access tokens are refused from the commit on.
    init(
        _ value: Value, _ audit: AuditRecord, messages: [OutboxEntry] = [], endedSessions: [SessionID] = []
    ) {
        self.init(value: value, audit: audit, messages: messages, endedSessions: endedSessions)
    }

    /// The result of a command that had nothing to change: nothing is recorded.
    static func unchanged(_ value: Value) -> Change {
        Change(value: value, audit: nil, messages: [], endedSessions: [])
    }
}

extension Change where Value == Void {
    init(_ audit: AuditRecord, messages: [OutboxEntry] = [], endedSessions: [SessionID] = []) {
        self.init((), audit, messages: messages, endedSessions: endedSessions)
    }

    static var unchanged: Change { unchanged(()) }
}

/// An entry for the audit log: ids only, but for its content, which can be erased.
struct AuditRecord: Sendable {
    let action: String
    let actor: UserID?
    let subject: UUID?
    let event: EventID?
    let content: AuditContent

    /// - Parameters:
    ///   - actor: nil for the command line, and for someone who is not signed in.
    ///   - subject: what was changed, if that is one thing.
    ///   - event: where that belongs to one.
    init(
        _ action: String, by actor: UserID?, subject: UUID?, event: EventID? = nil,
        _ content: AuditContent = AuditContent()
    ) {
        (self.action, self.actor, self.subject, self.event, self.content) = (action, actor, subject, event, content)
    }
}

extension Stores {
    /// Performs a command in one transaction, with the audit entry and the messages of its change, and invalidates this
    /// process's caches.
    ///
    /// - Parameters:
    ///   - event: its cached copy is dropped in any case: a commit may have succeeded although its result was lost.
    ///   - command: must have no effect outside of the transaction, which can be repeated.
    @discardableResult
    nonisolated(nonsending) func change<Value: Sendable>(
        of event: EventID? = nil, _ command: (Transaction) async throws -> Change<Value>
    ) async throws -> Value {
        defer { if let event { eventCache.invalidate(event) } }
        let change = try await database.transaction { transaction in
            let change = try await command(transaction)
            try await record(change, on: transaction)
            return change
        }
        endedSessions.insert(change.endedSessions)
        return change.value
    }

    /// The same, once per Idempotency-Key: the response is stored with the change.
    nonisolated(nonsending) func change(
        once request: IdempotentRequest?, _ command: (Transaction) async throws -> Change<StoredResponse>
    ) async throws -> Answered {
        try await database.transaction { transaction in
            try await idempotency.once(request, on: transaction) {
                let change = try await command(transaction)
                try await record(change, on: transaction)
                return change.value
            }
        }
    }

    private func record<Value>(_ change: Change<Value>, on transaction: Transaction) async throws {
        if let entry = change.audit {
            try await audit.record(
                entry.action, by: entry.actor, subject: entry.subject, event: entry.event, entry.content,
                on: transaction)
        }
        if !change.messages.isEmpty { try await outbox.append(change.messages, on: transaction) }
    }
}
