import Domain
import FoundationEssentials
public import Postgres

/// Compares rows with rows: counters, capacity, the line, tickets, sequences, and what should have been done by now.
///
/// Everything is read in one snapshot, so that a counter and the rows it counts are of the same moment while the crowd
/// goes on. Nothing is locked and nothing is written. Each statement reads its tables once, whatever their size.
public struct InvariantStore: Sendable {
    let database: Database

    /// How many examples a finding shows.
    public static let exampleLimit = 20

    public init(_ database: Database) { self.database = database }

    /// A ticket takes a moment; behind a crowd, some seconds.
    public static let usualTicketsAfter = 60

    /// Another check is at work in this database.
    public struct AlreadyRunning: Error {}

    /// Looks at everything.
    /// - Parameters:
    ///   - stuckAfter: how many seconds work may take before it counts as stuck.
    ///   - ticketsAfter: the same of tickets, which everything else waits for; never more than `stuckAfter`.
    /// - Throws: ``AlreadyRunning``; `PostgresError`.
    public func check(stuckAfter: Int, ticketsAfter: Int = usualTicketsAfter) async throws -> InvariantReport {
        let ticketsAfter = min(ticketsAfter, stuckAfter)
        return try await database.transaction(.snapshot) { transaction in
            let start = try await transaction.pipeline([
                "SELECT pg_try_advisory_xact_lock(\(AdvisoryLock.invariants)) AS held, now() AS at",
                // More memory lets a group-by stay in it.
                "SET LOCAL work_mem = '64MB'",
                """
                SELECT (SELECT count(*) FROM events) AS events, (SELECT count(*) FROM registrations) AS registrations,
                    (SELECT count(*) FROM tickets) AS tickets, (SELECT count(*) FROM outbox) AS messages,
                    (SELECT count(*) FROM pending_steps) AS pending_steps
                """,
            ])
            guard let head = start[0].first, try head.decode("held"), let counts = start[2].first else {
                throw AlreadyRunning()
            }
            var findings: [InvariantFinding] = []
            // One after the other: the time limit is that of a round trip.
            for statement in Self.statements(stuckAfter: stuckAfter, ticketsAfter: ticketsAfter) {
                findings += try Self.findings(try await transaction.query(Self.summary(of: statement)))
            }
            let order = Invariant.allCases
            findings.sort { left, right in
                let (one, other) = (left.invariant, right.invariant)
                if one.severity != other.severity { return one.severity == .violation }
                return order.firstIndex(of: one) ?? 0 < order.firstIndex(of: other) ?? 0
            }
            return InvariantReport(
                at: try head.decode("at"),
                scope: .init(
                    events: try counts.decode("events"), registrations: try counts.decode("registrations"),
                    tickets: try counts.decode("tickets"), messages: try counts.decode("messages"),
                    pendingSteps: try counts.decode("pending_steps")),
                findings: findings)
        }
    }

    /// Of each invariant that a statement finds broken, how often and the first few.
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
