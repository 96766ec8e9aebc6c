public import Domain
public import Postgres

/// A creating request with the client's Idempotency-Key.
public struct IdempotentRequest: Hashable, Sendable {
    /// The lookup key of a stored response: two people may choose the same idempotency key.
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
    /// SHA-256 of everything that identifies the request: method, path and body.
    public var fingerprint: [UInt8]

    public init(key: Key, route: String, fingerprint: [UInt8]) {
        self.key = key
        self.route = route
        self.fingerprint = fingerprint
    }
}

/// The response to a request that had an effect, as sent.
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

/// A ``StoredResponse``, and whether it is a replay.
public struct Answered: Hashable, Sendable {
    public var response: StoredResponse
    /// The effect is an earlier request's.
    public var isReplay: Bool

    public init(_ response: StoredResponse, isReplay: Bool = false) {
        self.response = response
        self.isReplay = isReplay
    }
}

/// The responses to requests that must not take effect twice, committed with the effect: both exist or neither does.
public struct IdempotencyStore: Sendable {
    public init() {}

    // MARK: One request

    /// Runs `effect` unless this request was performed before; stores its response in the same transaction.
    ///
    /// Of two concurrent requests, the second is refused as in flight, instead of waiting with a connection.
    /// - Parameter request: nil for one without a key, of which nothing is stored.
    /// - Throws: ``DomainError/requestInFlight``, ``DomainError/idempotencyKeyReused``, and what `effect` throws:
    ///   errors are not stored.
    public nonisolated(nonsending) func once(
        _ request: IdempotentRequest?, on transaction: Transaction, _ effect: () async throws -> StoredResponse
    ) async throws -> Answered {
        guard let request else { return Answered(try await effect()) }
        // The lock ends with the transaction. PostgreSQL makes a commit visible before it releases its locks: whoever
        // has the lock sees the response, and the lookup, with a later snapshot, may see it even without.
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

    // MARK: Many requests, in the caller's transaction

    /// The statement that looks up the responses for these keys; decode it with ``answers(_:)``.
    public static func lookup(_ keys: [IdempotentRequest.Key]) -> SQL {
        """
        SELECT k.user_id, k.key, k.fingerprint, k.status, k.body, k.location, k.etag
        FROM unnest(\(keys.map(\.user))::uuid[], \(keys.map(\.name))::text[]) AS asked (user_id, key)
        JOIN idempotency_keys k ON k.user_id = asked.user_id AND k.key = asked.key
        """
    }

    public struct Stored: Sendable {
        var fingerprint: [UInt8]
        var response: StoredResponse

        /// - Throws: ``DomainError/idempotencyKeyReused`` if the response is another request's.
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

    /// The statement that stores these responses. A duplicate, or a key that someone else stored first, fails the
    /// transaction with the constraint `idempotency_keys_once`: then look up again.
    public static func insertion(_ answered: [(request: IdempotentRequest, response: StoredResponse)]) -> SQL {
        // In the same order for everyone, to avoid deadlocks.
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

    /// Deletes responses older than 48 hours, oldest first; returns how many, at most `limit`.
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
