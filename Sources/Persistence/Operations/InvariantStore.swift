import Domain
public import FoundationEssentials
public import Postgres

/// The invariant check, which compares rows with rows: counters, capacity, the waitlist, tickets, sequences, and
/// overdue work.
///
/// It proceeds in steps of events, each reading in one snapshot, so that a counter and the rows it counts are from the
/// same moment while traffic continues. It takes no locks and writes nothing.
public struct InvariantStore: Sendable {
    let database: Database

    /// Maximum number of examples per finding.
    public static let exampleLimit = 20

    public init(_ database: Database) { self.database = database }

    /// A ticket takes a moment; in a rush, some seconds.
    public static let usualTicketsAfter = 60

    /// Another check is running in this database.
    public struct AlreadyRunning: Error {}

    /// A check in progress.
    public struct Progress: Sendable {
        public fileprivate(set) var report: InvariantReport
        public fileprivate(set) var isOver = false
        fileprivate var last: EventID?
        fileprivate var stuckAfter: Int
        fileprivate var ticketsAfter: Int

        /// - Parameters:
        ///   - stuckAfter: seconds after which work counts as stuck.
        ///   - ticketsAfter: the same for tickets, which everything else waits for; never more than `stuckAfter`.
        public init(stuckAfter: Int, ticketsAfter: Int = usualTicketsAfter, now: Date = Date()) {
            report = InvariantReport(at: now, scope: .init(), findings: [])
            self.stuckAfter = stuckAfter
            self.ticketsAfter = min(ticketsAfter, stuckAfter)
        }
    }

    /// Checks everything. The parameters are those of ``Progress``.
    /// - Throws: ``AlreadyRunning``; `PostgresError`.
    public func check(stuckAfter: Int, ticketsAfter: Int = usualTicketsAfter) async throws -> InvariantReport {
        try await advance(Progress(stuckAfter: stuckAfter, ticketsAfter: ticketsAfter), until: nil).report
    }

    /// Continues a check, step by step, until it is done or out of time; at least one step.
    /// - Throws: ``AlreadyRunning``; `PostgresError`.
    public func advance(_ progress: Progress, until end: ContinuousClock.Instant?) async throws -> Progress {
        try await database.session { session in
            let held = try await session.query("SELECT pg_try_advisory_lock(\(AdvisoryLock.invariants)) AS held").first
            guard try held?.decode("held") ?? false else { throw AlreadyRunning() }
            var progress = progress
            repeat {
                progress = try await step(progress, on: session)
            } while !progress.isOver
                && (end.map { .now < $0 } ?? true)
            _ = try await session.query("SELECT pg_advisory_unlock(\(AdvisoryLock.invariants))")
            return progress
        }
    }

    private func step(_ before: Progress, on session: Session) async throws -> Progress {
        let (events, isLast) = try await events(after: before.last, on: session)
        let isFirst = before.last == nil
        let found = try await session.transaction(.snapshot) { transaction in
            var statements = Self.statements(of: events, ticketsAfter: before.ticketsAfter)
            var scope = try await Self.scope(of: events, on: transaction)
            if isFirst {
                statements += Self.statements(stuckAfter: before.stuckAfter)
                scope.pendingSteps = try await Self.count("pending_steps", "true", on: transaction)
            }
            return InvariantReport(
                at: before.report.at, scope: scope, findings: try await Self.findings(of: statements, on: transaction))
        }
        var progress = before
        progress.report.add(found)
        progress.last = events.last
        progress.isOver = isLast
        if isLast { progress.report.sort() }
        return progress
    }

    /// Registrations per step, if it has more than one event.
    private static let stepSize = 20_000
    public var eventsPerStep = 500

    /// The events of the next step, including those of which only messages are left; and whether they are the last.
    private func events(after last: EventID?, on session: Session) async throws -> ([EventID], isLast: Bool) {
        let limit = eventsPerStep
        let rows = try await session.query(
            """
            SELECT known.id, coalesce(p.confirmed + p.waitlisted, 0) AS size FROM (
                (SELECT id FROM events \(given: last, { "WHERE id > \($0)" }) ORDER BY id LIMIT \(limit))
                UNION
                (SELECT event_id FROM outbox_sequences \(given: last, { "WHERE event_id > \($0)" })
                    ORDER BY event_id LIMIT \(limit))
                ORDER BY 1 LIMIT \(limit)
            ) known LEFT JOIN event_places p ON p.event_id = known.id ORDER BY known.id
            """)
        var (events, size) = ([EventID](), 0)
        for row in rows {
            size += try row.decode("size", as: Int.self)
            if size > Self.stepSize, !events.isEmpty { return (events, false) }
            events.append(try row.decode("id"))
        }
        return (events, rows.count < limit)
    }

    private static func scope(
        of events: [EventID], on transaction: Transaction
    ) async throws -> InvariantReport.Scope {
        InvariantReport.Scope(
            events: try await count("events", "id = ANY(\(events))", on: transaction),
            registrations: try await count("registrations", "event_id = ANY(\(events))", on: transaction),
            tickets: try await count("tickets", "event_id = ANY(\(events))", on: transaction),
            messages: try await count(
                "outbox", "event_id = ANY(\(events)) AND sequence IS NOT NULL", on: transaction))
    }

    private static func count(_ table: SQL, _ condition: SQL, on transaction: Transaction) async throws -> Int {
        try await transaction.query(
            "SELECT count(*) AS in_scope FROM \(fragment: table) WHERE \(fragment: condition)"
        ).first?.decode("in_scope") ?? 0
    }

    private static func findings(
        of statements: [SQL], on transaction: Transaction
    ) async throws -> [InvariantFinding] {
        var found: [InvariantFinding] = []
        // Sequentially: the time limit is that of a round trip.
        for statement in statements { found += try findings(try await transaction.query(summary(of: statement))) }
        return found
    }

    /// Per violated invariant of a statement, the count and the first few examples.
    private static func summary(of statement: SQL) -> SQL {
        """
        SELECT invariant, event_id, subject_id, detail, age, total, oldest_age
        FROM (
            SELECT invariant, event_id, subject_id, detail, extract(epoch FROM now() - since)::bigint AS age,
                count(*) OVER (PARTITION BY invariant) AS total,
                extract(epoch FROM now() - min(since) OVER (PARTITION BY invariant))::bigint AS oldest_age,
                row_number() OVER (PARTITION BY invariant ORDER BY since, event_id, subject_id) AS place
            FROM (\(fragment: statement)) broken (invariant, event_id, subject_id, detail, since)
        ) numbered
        WHERE place <= \(exampleLimit) ORDER BY invariant, place
        """
    }

    private static func findings(_ rows: QueryResult) throws -> [InvariantFinding] {
        var findings: [InvariantFinding] = []
        for row in rows {
            let invariant: Invariant = try row.decode("invariant")
            if findings.last?.invariant != invariant {
                findings.append(
                    InvariantFinding(
                        invariant: invariant, count: try row.decode("total"), oldestAge: try row.decode("oldest_age"),
                        examples: []))
            }
            findings[findings.count - 1].examples.append(
                .init(
                    eventID: try row.decode("event_id"), subjectID: try row.decode("subject_id"),
                    detail: try row.decode("detail"), age: try row.decode("age")))
        }
        return findings
    }
}

extension Invariant: PostgresEncodable, PostgresDecodable {}
