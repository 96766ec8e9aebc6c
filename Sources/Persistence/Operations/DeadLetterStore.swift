public import Domain
public import FoundationEssentials
public import Postgres

/// Who did what to dead letters, and that one at a time looks at them.
public struct DeadLetterStore: Sendable {
    public enum Action: String, Sendable {
        case replay = "dead-letter.replayed"
        case discard = "dead-letter.discarded"
    }

    let database: Database

    public init(_ database: Database) { self.database = database }

    /// Runs `body` while nobody else in this database does; waits for its turn.
    public func alone<Value: Sendable>(
        _ body: @escaping @Sendable (Session) async throws -> Value
    ) async throws -> Value {
        try await database.session { session in
            _ = try await session.query("SELECT pg_advisory_lock(\(AdvisoryLock.deadLetters))")
            return try await body(session)
        }
    }

    /// Notes an operator's decision, before it is carried out for good.
    /// - Parameter actor: nil for somebody at the command line.
    public func record(
        _ action: Action, letter: UUID, messageID: String?, queue: String, by actor: UserID?, on session: Session
    ) async throws {
        try await session.transaction { transaction in
            try await AuditStore().record(
                action.rawValue, by: actor, subject: letter,
                AuditContent(about: ["queue": queue, "messageId": messageID ?? ""]), on: transaction)
            // Thrown away is settled: a reconciliation must not bring it back.
            if action == .discard, let message = messageID.flatMap({ MessageID($0) }) {
                _ = try await InboxStore().record(message, consumer: queue, on: transaction)
            }
        }
    }

    /// Whether it was done to this letter before.
    public func wasTaken(_ letter: UUID, _ action: Action, on session: Session) async throws -> Bool {
        try await session.query(
            "SELECT EXISTS (SELECT FROM audit WHERE subject_id = \(letter) AND action = \(action.rawValue)) AS taken"
        ).first?.decode("taken", as: Bool.self) ?? false
    }
}
