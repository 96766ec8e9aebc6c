import Domain
import FailPoints
public import FoundationEssentials
public import Postgres

/// Work that a decision leaves behind: whatever grows with an event or an account is done in bounded steps, each its
/// own transaction.
///
/// The decision commits a row of `pending_steps` with itself. Whoever takes the next step locks that row, processes as
/// many rows as ``Size`` says, and updates the row in the same transaction, or deletes it with the last step: after a
/// crash at any point, another process continues from the last commit. Everyone else sees the decision at once, by
/// reading it and not the rows that follow it. See the decision record `0030-decide-then-step`.
public struct PendingStepStore: Sendable {
    public struct Work: Hashable, Sendable {
        public enum Kind: String, Sendable {
            /// The tickets of a canceled event.
            case eventCancellation = "event.cancellation"
            /// The waitlist of an event whose capacity was raised.
            case eventCapacity = "event.capacity"
            /// The remaining data of an erased person.
            case accountErasure = "account.erasure"
            /// The deliveries of a webhook that was deleted.
            case subscriptionRemoval = "subscription.removal"
        }

        public var kind: Kind
        public var subject: UUID
    }

    public enum Outcome: Hashable, Sendable {
        case more, done
        /// Another process is doing it.
        case busy
    }

    /// The number of rows per step: such that its locks are held for about ``goal``, whatever the machine and its load.
    public struct Size: Hashable, Sendable {
        /// Well below 50 ms, the longest that a registration should wait for a step.
        public static let goal = Duration.milliseconds(10)
        public static let range = 10...500

        public private(set) var rows = 50

        public init() {}

        /// Adapts to the time for which the locks were held.
        public mutating func adapt(to held: Duration) {
            let factor = min(2, max(0.25, Self.goal / max(held, .microseconds(1))))
            rows = min(Self.range.upperBound, max(Self.range.lowerBound, Int(Double(rows) * factor)))
        }
    }

    let database: Database
    private let registrations: RegistrationStore

    public init(_ database: Database) { self.init(database, guards: .all) }

    init(_ database: Database, guards: CapacityRow.Guards) {
        self.database = database
        registrations = RegistrationStore(database, guards: guards)
    }

    /// The pending work, least recently advanced first, so that a large event delays no other.
    public func list(limit: Int = 100) async throws -> [Work] {
        try await database.read(
            "SELECT kind, subject_id FROM pending_steps ORDER BY advanced_at, subject_id LIMIT \(limit)"
        ).compactMap { row in
            // A kind of a later version is left to that version.
            guard let kind = Work.Kind(rawValue: try row.decode("kind")) else { return nil }
            return Work(kind: kind, subject: try row.decode("subject_id"))
        }
    }

    /// Takes the next step of some work, and adapts its size to the time it took.
    public func advance(_ work: Work, _ size: inout Size, now: Date) async throws -> Outcome {
        let (outcome, since) = try await advance(work, limit: size.rows, now: now)
        if outcome == .more { size.adapt(to: .now - since) }
        return outcome
    }

    /// Takes the next step of some work.
    /// - Parameter limit: maximum number of rows to process.
    /// - Returns: also since when it held locks that others may wait for.
    public func advance(
        _ work: Work, limit: Int, now: Date
    ) async throws -> (outcome: Outcome, since: ContinuousClock.Instant) {
        try await database.transaction { transaction in
            let rows = try await transaction.query(
                """
                SELECT last_at, last_id FROM pending_steps WHERE kind = \(work.kind) AND subject_id = \(work.subject)
                FOR UPDATE SKIP LOCKED
                """)
            let start = ContinuousClock.now
            guard let row = rows.first else { return (.busy, start) }
            let step = try await take(work, after: Self.cursor(row), limit: limit, now: now, on: transaction)
            _ = try await transaction.commit(after: step.statements + [Self.record(step, of: work)])
            FailPoint.point("step.taken", about: work.kind.rawValue)
            return (step.isLast ? .done : .more, step.since ?? start)
        }
    }

    struct Step {
        var isLast: Bool
        /// Number of counted rows processed.
        var done = 0
        /// The last row processed.
        var cursor: PageKey?
        /// Since when it holds locks that others may wait for, if not from the beginning.
        var since: ContinuousClock.Instant?
        /// The remaining writes, executed right before the commit.
        var statements: [SQL] = []
    }

    private func take(
        _ work: Work, after cursor: PageKey?, limit: Int, now: Date, on transaction: Transaction
    ) async throws -> Step {
        switch work.kind {
        case .eventCancellation:
            return try await registrations.revokeTickets(
                ofCancelled: EventID(work.subject), after: cursor, limit: limit, on: transaction)
        case .eventCapacity:
            return try await registrations.raiseCapacity(
                of: EventID(work.subject), limit: limit, now: now, on: transaction)
        case .accountErasure:
            let isLast = try await AccountErasure(database).eraseMore(
                of: UserID(work.subject), limit: limit, on: transaction)
            return Step(isLast: isLast)
        case .subscriptionRemoval:
            let isLast = try await SubscriptionStore(database).removeDeliveries(
                of: SubscriptionID(work.subject), limit: limit, on: transaction)
            return Step(isLast: isLast)
        }
    }

    private static func cursor(_ row: Row) throws -> PageKey? {
        guard let at = try row.decode("last_at", as: Date?.self) else { return nil }
        return PageKey(at: at, id: try row.decode("last_id"))
    }

    private static func record(_ step: Step, of work: Work) -> SQL {
        step.isLast
            ? "DELETE FROM pending_steps WHERE kind = \(work.kind) AND subject_id = \(work.subject)"
            : """
            UPDATE pending_steps SET advanced_at = now(), done = done + \(step.done),
                last_at = coalesce(\(step.cursor?.at), last_at), last_id = coalesce(\(step.cursor?.id), last_id)
            WHERE kind = \(work.kind) AND subject_id = \(work.subject)
            """
    }

    /// Adds pending work; existing work stays as it is.
    static func insertion(_ kind: Work.Kind, of subject: UUID, total: Int = 0) -> SQL {
        """
        INSERT INTO pending_steps (kind, subject_id, total) VALUES (\(kind), \(subject), \(total))
        ON CONFLICT (kind, subject_id) DO NOTHING
        """
    }
}

extension PendingStepStore.Work.Kind: PostgresEncodable, PostgresDecodable {}
