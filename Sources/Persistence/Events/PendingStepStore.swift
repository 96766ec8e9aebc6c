import Domain
import FailPoints
public import FoundationEssentials
public import Postgres

/// Work that a decision has left: whatever grows with an event or an account is done in steps of bounded size, each a
/// transaction of its own.
///
/// The decision commits a row of `pending_steps` with itself. Whoever takes the next step holds that row, does so
/// many rows' worth as ``Size`` says, and moves the row on in the same transaction, or removes it with the last step: killed
/// anywhere, somebody else goes on from the last commit. Everybody else sees the decision at once, by reading it and not
/// the rows that follow it. See the decision record `0030-decide-then-step`.
public struct PendingStepStore: Sendable {
    public struct Work: Hashable, Sendable {
        public enum Kind: String, Sendable {
            /// The tickets of an event that was called off.
            case eventCancellation = "event.cancellation"
            /// The waitlist of an event whose capacity was raised.
            case eventCapacity = "event.capacity"
            /// What is left of a person who was erased.
            case accountErasure = "account.erasure"
            /// The deliveries of a webhook that was deleted.
            case subscriptionRemoval = "subscription.removal"
        }

        public var kind: Kind
        public var subject: UUID
    }

    public enum Outcome: Hashable, Sendable {
        case more, done
        /// Somebody else is at it.
        case busy
    }

    /// How many rows a step takes: so many that its locks are held for about ``goal``, whatever the machine and its load.
    public struct Size: Hashable, Sendable {
        /// Well below 50 ms, the longest that a registration shall wait for a step.
        public static let goal = Duration.milliseconds(10)
        public static let range = 10...500

        public private(set) var rows = 50

        public init() {}

        /// Takes note of how long the locks were held.
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

    /// What there is to do, the longest at rest first, so that a large event holds up nobody.
    public func list(limit: Int = 100) async throws -> [Work] {
        try await database.read(
            "SELECT kind, subject_id FROM pending_steps ORDER BY advanced_at, subject_id LIMIT \(limit)"
        ).compactMap { row in
            // A kind of a later version is that version's to do.
            guard let kind = Work.Kind(rawValue: try row.decode("kind")) else { return nil }
            return Work(kind: kind, subject: try row.decode("subject_id"))
        }
    }

    /// Takes the next step of some work, and has its size adapt to how long that took.
    public func advance(_ work: Work, _ size: inout Size, now: Date) async throws -> Outcome {
        let (outcome, since) = try await advance(work, limit: size.rows, now: now)
        if outcome == .more { size.adapt(to: .now - since) }
        return outcome
    }

    /// Takes the next step of some work.
    /// - Parameter limit: rows that it touches at most.
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

    /// What one step did.
    struct Step {
        var isLast: Bool
        /// Of what is counted.
        var done = 0
        /// The last row looked at.
        var cursor: PageKey?
        /// Since when it holds locks that others may wait for, if not from the beginning.
        var since: ContinuousClock.Instant?
        /// What is left to be written, right before the commit.
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

    /// Leaves work to be done; what is left already stays as it is.
    static func insertion(_ kind: Work.Kind, of subject: UUID, total: Int = 0) -> SQL {
        """
        INSERT INTO pending_steps (kind, subject_id, total) VALUES (\(kind), \(subject), \(total))
        ON CONFLICT (kind, subject_id) DO NOTHING
        """
    }
}

extension PendingStepStore.Work.Kind: PostgresEncodable, PostgresDecodable {}
