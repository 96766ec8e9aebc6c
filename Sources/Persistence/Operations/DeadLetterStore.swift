public import Domain
public import FoundationEssentials
public import Postgres

/// The record of operators' actions on parked messages, and the lock that serializes them.
public struct DeadLetterStore: Sendable {
    public enum Action: String, Sendable {
        case replay = "dead-letter.replayed"
        case discard = "dead-letter.discarded"
    }

    let database: Database

    public init(_ database: Database) { self.database = database }

    /// Runs `body` with the lock of this database; waits for its turn.
    public func alone<Value: Sendable>(
        _ body: @escaping @Sendable (Session) async throws -> Value
    ) async throws -> Value {
        try await database.session { session in
            _ = try await session.query("SELECT pg_advisory_lock(\(AdvisoryLock.deadLetters))")
            return try await body(session)
        }
    }

    /// Records an operator's decision, before it is carried out.
    /// - Parameter actor: nil for the command line.
    public func record(
        _ action: Action, letter: UUID, messageID: String?, queue: String, by actor: UserID?, on session: Session
    ) async throws {
        try await session.transaction { transaction in
            try await AuditStore().record(
                action.rawValue, by: actor, subject: letter,
                AuditContent(about: ["queue": queue, "messageId": messageID ?? ""]), on: transaction)
            // A discarded message counts as settled: a reconciliation must not republish it.
            if action == .discard, let message = messageID.flatMap({ MessageID($0) }) {
                _ = try await InboxStore().record(message, consumer: queue, on: transaction)
            }
        }
    }

    /// Whether this was done to the message before.
    public func wasTaken(_ letter: UUID, _ action: Action, on session: Session) async throws -> Bool {
        try await session.query(
            "SELECT EXISTS (SELECT FROM audit WHERE subject_id = \(letter) AND action = \(action.rawValue)) AS taken"
        ).first?.decode("taken", as: Bool.self) ?? false
    }
}
