/// A pooler stands between us and PostgreSQL that hands each transaction to whichever connection is free (PgBouncer's
/// `pool_mode=transaction` or `statement`): what a session holds, advisory locks, LISTEN, prepared statements, would be lost
/// or somebody else's.
public struct TransactionPooling: Error, CustomStringConvertible {
    public var description: String {
        """
        EM_DATABASE_URL leads to a pooler that keeps no sessions, such as PgBouncer with pool_mode=transaction. Advisory \
        locks, LISTEN and prepared statements need them: connect to PostgreSQL itself, or use pool_mode=session.
        """
    }
}

extension Database {
    /// - Throws: ``TransactionPooling``, when what answers is such a pooler; `PostgresError`, when nothing answers.
    public func requireSessions() async throws {
        do {
            for _ in 0..<Self.rounds where try await !keepsSessions() { throw TransactionPooling() }
        } catch let error as PostgresError {
            // PgBouncer takes no settings with the connection, unless told to ignore them. Another session's prepared statements,
            // or none of one's own, are never met in a session.
            if case .unreachable(let reason) = error.kind, reason.contains("unsupported startup parameter") {
                throw TransactionPooling()
            }
            if let state = error.sqlState, ["42P05", "26000", "08P01"].contains(state) { throw TransactionPooling() }
            throw error
        }
    }

    private static let rounds = 4

    /// One session leaves something behind; while another one is in a transaction, and has a connection of the pooler's, both
    /// look for it. Of two sessions the first finds it, and the second doesn't.
    private func keepsSessions() async throws -> Bool {
        try await session { first in
            try await first.query("SELECT set_config('em.session', 'first', false)")
            return try await self.session { second in
                try await second.transaction { transaction in
                    let theirs = try await Self.found(transaction.query(Self.look))
                    let ours = try await Self.found(first.query(Self.look))
                    return ours == "first" && theirs != "first"
                }
            }
        }
    }

    private static let look: SQL = "SELECT current_setting('em.session', true) AS found"

    private static func found(_ result: QueryResult) throws -> String? {
        try result.first?.decode("found", as: String?.self)
    }
}
