public import Domain
public import Postgres

/// The event log, for consumers that were offline: an event's messages as they were published. The rows are the
/// outbox's, which stay until they are pruned.
public struct EventLogStore: Sendable {
    /// A page of an event's log.
    public struct Stretch: Sendable {
        /// In order of `sequence`, without gaps, starting right after the requested one.
        public var messages: [CloudEvent]
        /// Whether there is more to read.
        public var hasMore: Bool
    }

    /// A message after the requested sequence has been pruned.
    public struct Pruned: Error, Hashable {
        /// The oldest sequence that is still available, with everything after it.
        public var oldest: Int
    }

    let database: Database

    public init(_ database: Database) { self.database = database }

    /// The messages of `event` after a sequence, at most `limit`.
    ///
    /// Ends before the first unpublished one: the message after it may be confirmed earlier, and a consumer that
    /// continued from there would never see it.
    /// - Throws: ``Pruned``.
    public func messages(of event: EventID, after sequence: Int, limit: Int) async throws -> Stretch {
        // One statement, so one snapshot: a number assigned in between must not look like a pruned message.
        let rows = try await database.read(
            """
            SELECT counted.last, log.message_id, log.type, log.data, log.traceparent, log.occurred_at, log.sequence,
                log.is_published
            FROM (SELECT coalesce((SELECT last FROM outbox_sequences WHERE event_id = \(event)), 0) AS last) counted
            LEFT JOIN LATERAL (
                SELECT message_id, type, data, traceparent, occurred_at, sequence,
                    published_at IS NOT NULL AS is_published
                FROM outbox WHERE event_id = \(event) AND sequence > \(sequence)
                ORDER BY sequence LIMIT \(limit + 1)
            ) log ON true
            ORDER BY log.sequence
            """)
        var messages: [CloudEvent] = []
        var next = sequence + 1
        for row in rows {
            guard let found = try row.decode("sequence", as: Int?.self) else {
                // Empty: either there are no newer messages, or all are pruned.
                let last = try row.decode("last", as: Int.self)
                if last > sequence { throw Pruned(oldest: last + 1) }
                break
            }
            // Rows are pruned in the order of writing, which is nearly that of their sequences.
            if found != next {
                if messages.isEmpty { throw Pruned(oldest: found) }
                break
            }
            guard try row.decode("is_published", as: Bool.self) else { break }
            messages.append(try Self.message(row, of: event, found))
            next += 1
        }
        return Stretch(messages: Array(messages.prefix(limit)), hasMore: messages.count > limit)
    }

    private static func message(_ row: Row, of event: EventID, _ sequence: Int) throws -> CloudEvent {
        CloudEvent(
            id: try row.decode("message_id"), type: try row.decode("type"), subject: event.description,
            time: try row.decode("occurred_at"), sequence: sequence, traceparent: try row.decode("traceparent"),
            data: Array(try row.decode("data", as: String.self).utf8))
    }
}
