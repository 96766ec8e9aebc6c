public import Domain
public import Postgres

/// A creating request that carries the client's own name for it.
public struct IdempotentRequest: Hashable, Sendable {
    /// What a stored answer is found by: two people may choose the same name.
    public struct Key: Hashable, Sendable {
        public var user: UserID
        public var name: String

        public init(user: UserID, name: String) {
            self.user = user
            self.name = name
        }
    }

    public var key: Key
    /// As in the route table: `POST /api/v1/events/{id}/announcements`.
    public var route: String
    /// SHA-256 of everything that makes the request this one: method, path and body.
    public var fingerprint: [UInt8]

    public init(key: Key, route: String, fingerprint: [UInt8]) {
        self.key = key
        self.route = route
        self.fingerprint = fingerprint
    }
}

/// The answer to a request that had an effect, as it goes over the wire.
public struct StoredResponse: Hashable, Sendable {
    /// 200 to 299.
    public var status: Int
    /// JSON, byte for byte.
    public var body: String
    public var location: String?
    public var etag: String?

    public init(status: Int, body: String, location: String? = nil, etag: String? = nil) {
        self.status = status
        self.body = body
        self.location = location
        self.etag = etag
    }
}

/// A ``StoredResponse``, and whether it was made now or before.
public struct Answered: Hashable, Sendable {
    public var response: StoredResponse
    /// The effect is an earlier request's.
    public var isReplay: Bool

    public init(_ response: StoredResponse, isReplay: Bool = false) {
        self.response = response
        self.isReplay = isReplay
    }
}

/// The answers to requests that must not have their effect twice, kept with the effect: both are there or neither is.
public struct IdempotencyStore: Sendable {
    public init() {}

    // MARK: One request

    /// Runs `effect` unless this request had its effect before; writes its answer in the same transaction.
    ///
    /// Of two at once, the second is told that the first is in flight, instead of waiting with a connection.
    /// - Parameter request: nil for one without a key, of which nothing is kept.
    /// - Throws: ``DomainError/requestInFlight``, ``DomainError/idempotencyKeyReused``, and what `effect` throws:
    ///   refusals are not kept.
    public nonisolated(nonsending) func once(
        _ request: IdempotentRequest?, on transaction: Transaction, _ effect: () async throws -> StoredResponse
    ) async throws -> Answered {
        guard let request else { return Answered(try await effect()) }
        // The lock ends with the transaction. PostgreSQL shows a commit before it lets go of its locks: whoever has the
        // lock sees the answer, and the look-up, with a later snapshot, may see it even without.
        let results = try await transaction.pipeline([
            """
            SELECT pg_try_advisory_xact_lock(
                hashtextextended(\(request.key.user)::text || \(request.key.name), 0)) AS held
            """,
            Self.lookup([request.key]),
        ])
        if let stored = try Self.answers(results[1])[request.key] { return try stored.replay(for: request) }
        guard let row = results[0].first, try row.decode("held") else { throw DomainError.requestInFlight }
        let response = try await effect()
        _ = try await transaction.query(Self.insertion([(request, response)]))
        return Answered(response)
    }

    // MARK: Many requests, in somebody else's transaction

    /// The statement that finds the answers kept for these keys; read it with ``answers(_:)``.
    public static func lookup(_ keys: [IdempotentRequest.Key]) -> SQL {
        """
        SELECT k.user_id, k.key, k.fingerprint, k.status, k.body, k.location, k.etag
        FROM unnest(\(keys.map(\.user))::uuid[], \(keys.map(\.name))::text[]) AS asked (user_id, key)
        JOIN idempotency_keys k ON k.user_id = asked.user_id AND k.key = asked.key
        """
    }

    /// An answer that was found.
    public struct Stored: Sendable {
        var fingerprint: [UInt8]
        var response: StoredResponse

        /// - Throws: ``DomainError/idempotencyKeyReused`` when the answer is another request's.
        public func replay(for request: IdempotentRequest) throws(DomainError) -> Answered {
            guard fingerprint == request.fingerprint else { throw .idempotencyKeyReused }
            return Answered(response, isReplay: true)
        }
    }

    public static func answers(_ result: QueryResult) throws -> [IdempotentRequest.Key: Stored] {
        var answers: [IdempotentRequest.Key: Stored] = [:]
        for row in result {
            let key = IdempotentRequest.Key(user: try row.decode("user_id"), name: try row.decode("key"))
            answers[key] = Stored(
                fingerprint: try row.decode("fingerprint"),
                response: StoredResponse(
                    status: try row.decode("status"), body: try row.decode("body"),
                    location: try row.decode("location"), etag: try row.decode("etag")))
        }
        return answers
    }

    /// The statement that keeps these answers. One of them twice, or a key that somebody else was quicker with, fails
    /// the transaction with the constraint `idempotency_keys_once`: look up again then.
    public static func insertion(_ answered: [(request: IdempotentRequest, response: StoredResponse)]) -> SQL {
        // In one order for everybody: nobody waits in a circle.
        let rows = answered.sorted {
            ($0.request.key.user, $0.request.key.name) < ($1.request.key.user, $1.request.key.name)
        }
        return """
            INSERT INTO idempotency_keys (user_id, key, route, fingerprint, status, body, location, etag)
            SELECT user_id, key, route, decode(fingerprint, 'hex'), status, body, location, etag
            FROM unnest(
                \(rows.map(\.request.key.user))::uuid[], \(rows.map(\.request.key.name))::text[],
                \(rows.map(\.request.route))::text[], \(rows.map { Hexadecimal.encode($0.request.fingerprint) })::text[],
                \(rows.map(\.response.status))::smallint[], \(rows.map(\.response.body))::text[],
                \(rows.map(\.response.location))::text[], \(rows.map(\.response.etag))::text[])
                AS answered (user_id, key, route, fingerprint, status, body, location, etag)
            """
    }

    // MARK: Pruning

    /// Forgets the oldest of what has been kept for 48 hours; answers how many, at most `limit`.
    public func prune(limit: Int, on transaction: Transaction) async throws -> Int {
        try await transaction.query(
            """
            DELETE FROM idempotency_keys WHERE (user_id, key) IN (
                SELECT user_id, key FROM idempotency_keys WHERE created_at < now() - interval '48 hours'
                ORDER BY created_at LIMIT \(limit)
            )
            """
        ).affectedRows
    }
}
