/// Work for a connection, with the caller who waits for it.
///
/// `@unchecked Sendable`: the caller makes it and submits it; from then on only the connection thread touches the
/// variables (the inbox's lock lies between the two), and the caller only its `reply`, and `lease` once that is given.
final class Request: @unchecked Sendable {
    enum Work {
        /// One read-only statement, free to share a connection.
        case read(SQL)
        /// Statements for a connection held exclusively, answered together once the server is done with all.
        case statements([SQL])
        /// Several statements in one text, without parameters and without a time limit.
        case script([UInt8])
        /// Nothing but a sign of life.
        case heartbeat
    }

    let work: Work
    /// Whether a commit is part of the work, so that losing the answer leaves the outcome unknown.
    let commits: Bool
    let enqueuedAt = ContinuousClock.now
    let reply = Reply<[QueryResult]>()

    var results: [QueryResult] = []
    var failure: PostgresError?
    var isSent = false
    /// A read that was thrown away with a neighbour's error: its next try has a Sync of its own.
    var runsAlone = false
    var wasRetried = false
    /// Of a transaction's first statements: the connection that they were given.
    var lease: Lease?
    /// The caller has gone; no connection is to be given any more.
    var isCancelled = false

    init(_ work: Work, commits: Bool = false) {
        self.work = work
        self.commits = commits
    }

    var isRead: Bool {
        if case .read = work { true } else { false }
    }

    var isScript: Bool {
        if case .script = work { true } else { false }
    }

    func answer() {
        reply.answer(failure.map { .failure($0) } ?? .success(results))
    }

    func fail(_ kind: PostgresError.Kind) {
        reply.answer(.failure(PostgresError(kind, outcomeUnknown: commits && isSent)))
    }
}
