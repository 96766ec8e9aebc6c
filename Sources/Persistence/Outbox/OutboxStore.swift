public import Domain
public import FoundationEssentials
public import Postgres
import FailPoints

/// A message to be added to the outbox.
public struct OutboxEntry: Sendable {
    public var id: MessageID
    public var destination: Destination
    public var type: String
    public var eventID: EventID?
    public var ownerID: UserID?
    public var data: [UInt8]
    /// The trace of the work that the message comes from.
    public var traceparent: String?

    private init(
        destination: Destination, type: String, eventID: EventID?, ownerID: UserID?, data: some Encodable
    ) throws {
        self.id = MessageID()
        self.destination = destination
        self.type = type
        self.eventID = eventID
        self.ownerID = ownerID
        self.data = try WireJSON.encode(data)
        traceparent = TraceContext.current?.traceparent
    }

    /// A fact, visible to integrators.
    public static func fact(
        _ type: MessageType, event: EventID, owner: UserID, _ data: some Encodable
    ) throws -> OutboxEntry {
        try OutboxEntry(destination: .events, type: type.rawValue, eventID: event, ownerID: owner, data: data)
    }

    /// An internal job.
    public static func work(_ type: WorkType, event: EventID?, _ data: some Encodable) throws -> OutboxEntry {
        try OutboxEntry(destination: .work, type: type.rawValue, eventID: event, ownerID: nil, data: data)
    }

    /// A live update, for browsers only.
    public static func live(_ type: LiveType, event: EventID?, _ data: some Encodable) throws -> OutboxEntry {
        try OutboxEntry(destination: .live, type: type.rawValue, eventID: event, ownerID: nil, data: data)
    }

    /// Rows of one event share a partition. Version 7 UUIDs end in random bits.
    var partition: Int { Int((eventID?.uuid ?? id.uuid).uuid.15) % OutboxStore.partitionCount }
}

/// A row for the relay to publish to the broker or to browsers.
public struct OutboxRow: Sendable {
    /// The row's number, used only to mark it.
    public var rowID: Int
    public var messageID: MessageID
    public var destination: Destination
    public var type: String
    public var eventID: EventID?
    public var ownerID: UserID?
    public var data: [UInt8]
    public var traceparent: String?
    public var occurredAt: Date
    public var sequence: Int?
    /// Everyone except the workers has it: a worker's queue was missing, or lost it.
    public var isRepeated: Bool
    /// The text of a public `em.announcement.posted`, in ``OutboxStore/liveRows(partitions:limit:on:)``.
    public var announcement: (title: String, body: String, at: Date)?
}

/// The outbox: messages committed with the state that they report, and published by the relay.
public struct OutboxStore: Sendable {
    public static let partitionCount = 16
    /// The PostgreSQL notification channel for new rows.
    public static let wakeChannel = "em_outbox"

    public init() {}

    /// Appends messages in the given order; they are published if the transaction commits.
    public func append(_ entries: [OutboxEntry], on transaction: Transaction) async throws {
        _ = try await transaction.pipeline(Self.insertions(entries))
    }

    /// The statements of ``append(_:on:)``, for callers that pipeline; each within the server's size limits.
    static func insertions(_ entries: [OutboxEntry]) -> [SQL] {
        stride(from: 0, to: entries.count, by: 5000).map { start in
            insertion(entries[start..<min(start + 5000, entries.count)])
        }
    }

    private static func insertion(_ entries: ArraySlice<OutboxEntry>) -> SQL {
        """
        INSERT INTO outbox
            (message_id, partition, destination, type, event_id, owner_id, data, traceparent,
             published_at, live_at)
        SELECT message_id, partition, destination, type, event_id, owner_id, data::jsonb, traceparent,
            CASE WHEN destination = 'live' THEN now() END,
            CASE WHEN destination = 'work' THEN now() END
        FROM unnest(
            \(entries.map(\.id))::uuid[], \(entries.map(\.partition))::smallint[],
            \(entries.map(\.destination))::text[], \(entries.map(\.type))::text[],
            \(entries.map { $0.eventID })::uuid[], \(entries.map { $0.ownerID })::uuid[],
            \(entries.map { String(decoding: $0.data, as: UTF8.self) })::text[],
            \(entries.map { $0.traceparent })::text[])
            WITH ORDINALITY AS entry
                (message_id, partition, destination, type, event_id, owner_id, data, traceparent, ordinal)
        ORDER BY ordinal
        """
    }

    /// Makes the server end the session, and with it its leases, after this long without a query: a frozen relay must
    /// not keep its partitions forever. Lease holders query more often than that.
    public func limitSilence(to seconds: Int, of session: Session) async throws {
        _ = try await session.query(
            "SELECT set_config('idle_session_timeout', \("\(seconds)s"), false)")
    }

    /// Tries to lease a partition; held until the session ends.
    public func lease(partition: Int, on session: Session) async throws -> Bool {
        if FailPoint.mutates(.skipLocked) { return true }
        let rows = try await session.query(
            "SELECT pg_try_advisory_lock(\(AdvisoryLock.outboxLease)::int, \(partition)::int) AS held")
        return try rows.first?.decode("held", as: Bool.self) ?? false
    }

    /// The oldest unpublished rows of leased partitions, each fact with its sequence, assigned now if it has none yet;
    /// without those in flight.
    ///
    /// Sequences follow the row numbers of what is visible; later commits get later sequences. They are stored before
    /// anything is published, so that a message sent twice carries the same one. Facts of the events in `held`, and the
    /// rows in `heldRows`, are skipped: what can't be published for now must not crowd out the rest.
    ///
    /// At first each partition is read up to twice its even share, so that with a backlog in all of them few rows are
    /// read in vain; only if one of them has most of the backlog is it read further.
    public func claim(
        partitions: [Int], limit: Int, onTheWay: Set<Int> = [], held: [EventID] = [], heldRows: [Int] = [],
        on session: Session
    ) async throws -> [OutboxRow] {
        // Not filtered by the server: comparing each row with a thousand numbers would cost more than reading past
        // them.
        let sight = limit + onTheWay.count
        return try await session.transaction { transaction in
            func waiting(ofEach depth: Int) async throws -> [Int] {
                try await transaction.pipeline(
                    Self.waiting(partitions, held: held, heldRows: heldRows, ofEach: depth, atMost: sight)
                )[1].map { try $0.decode("id", as: Int.self) }
            }
            let share = min(sight, sight * 2 / max(1, partitions.count))
            var seen = try await waiting(ofEach: share)
            // A partition that filled its share may have more.
            if share < sight, seen.count >= share, seen.count < sight { seen = try await waiting(ofEach: sight) }
            let ids = Array(seen.filter { !onTheWay.contains($0) }.prefix(limit))
            guard !ids.isEmpty else { return [] }
            let rows =
                try await transaction.pipeline(Self.numbering(ids) + [Self.selection(ids)])
                .last?.map(Self.row) ?? []
            try await Self.mutate(rows, on: transaction)
            return rows
        }
    }

    /// The numbers of the oldest rows of each partition; the second of two statements.
    ///
    /// Each partition is read separately, in the order of its partial index. Otherwise the planner uses the primary key
    /// as soon as there is a backlog, and scans everything ever published: it knows that the order of rows with equal
    /// partitions is that of their ids. From two inequalities it doesn't conclude that; and a bitmap would read the
    /// whole partition. Measured with 10,000 waiting: 2.7 ms instead of 15 to 20.
    private static func waiting(
        _ partitions: [Int], held: [EventID], heldRows: [Int], ofEach depth: Int, atMost limit: Int
    ) -> [SQL] {
        [
            "SELECT set_config('enable_bitmapscan', 'off', true)",
            """
            SELECT waiting.id FROM unnest(\(partitions)::smallint[]) AS mine (partition)
            CROSS JOIN LATERAL (
                SELECT id FROM outbox
                WHERE published_at IS NULL AND partition >= mine.partition AND partition <= mine.partition
                    \(fragment: mutantCursor)
                    AND NOT (destination = 'events' AND event_id = ANY(\(held))) AND id <> ALL(\(heldRows))
                ORDER BY partition, id LIMIT \(depth)
            ) waiting
            ORDER BY waiting.id LIMIT \(limit)
            """,
        ]
    }

    /// Assigns the next sequences of their events to rows that have none.
    ///
    /// The rows of outbox_sequences are locked in the order of their key: two relays that overlap for a moment while a
    /// lease moves can't deadlock, and can't assign one number twice.
    private static func numbering(_ ids: [Int]) -> [SQL] {
        [
            """
            SELECT last FROM outbox_sequences
            WHERE event_id = ANY(ARRAY(
                SELECT DISTINCT event_id FROM outbox
                WHERE id = ANY(\(ids)) AND sequence IS NULL AND destination = 'events'))
            ORDER BY event_id FOR UPDATE
            """,
            // The planner estimates one row for a WITH, and joins a thousand of them in nested loops.
            "SELECT set_config('enable_nestloop', 'off', true)",
            """
            WITH fresh AS (
                SELECT id, event_id, row_number() OVER (PARTITION BY event_id ORDER BY id) AS place,
                    count(*) OVER (PARTITION BY event_id) AS size
                FROM outbox
                WHERE id = ANY(\(ids)) AND sequence IS NULL AND destination = 'events'
            ), counted AS (
                INSERT INTO outbox_sequences (event_id, last)
                SELECT event_id, count(*) FROM fresh GROUP BY event_id ORDER BY event_id
                ON CONFLICT (event_id) DO UPDATE SET last = outbox_sequences.last + excluded.last
                RETURNING event_id, last
            )
            UPDATE outbox SET sequence = counted.last - fresh.size + fresh.place
            FROM fresh JOIN counted USING (event_id)
            WHERE outbox.id = ANY(\(ids)) AND outbox.id = fresh.id AND outbox.sequence IS NULL
            """,
            "SELECT set_config('enable_nestloop', 'on', true)",
        ]
    }

    private static func selection(_ ids: [Int]) -> SQL {
        """
        SELECT id, message_id, destination, type, event_id, owner_id, data, traceparent, occurred_at, sequence, is_repeated,
            NULL::text AS title, NULL::text AS body, NULL::timestamptz AS announced_at
        FROM outbox WHERE id = ANY(\(ids)) ORDER BY id
        """
    }

    /// Marks rows as published: after the broker's confirm, never before.
    public func markPublished(_ rowIDs: [Int], on session: Session) async throws {
        guard !rowIDs.isEmpty else { return }
        // By the primary key alone, as in markLive: the two loops of a relay mark the same rows, and lock them in the
        // same order. (A condition on published_at would make each use another index.)
        _ = try await session.query("UPDATE outbox SET published_at = now() WHERE id = ANY(\(rowIDs))")
    }

    /// Notes that everyone except the workers has them: when they are published again, it is to the workers only.
    public func markRepeated(_ rowIDs: [Int], on session: Session) async throws {
        _ = try await session.query("UPDATE outbox SET is_repeated = true WHERE id = ANY(\(rowIDs))")
    }

    /// The oldest rows of leased partitions that were not sent to browsers; found as in ``claim``.
    public func liveRows(partitions: [Int], limit: Int, on session: Session) async throws -> [OutboxRow] {
        try await session.query(
            """
            SELECT o.id, o.message_id, o.destination, o.type, o.event_id, o.owner_id, o.data, o.traceparent,
                o.occurred_at, o.sequence, o.is_repeated, a.title, a.body, a.at AS announced_at
            FROM (
                SELECT waiting.id FROM unnest(\(partitions)::smallint[]) AS mine (partition)
                CROSS JOIN LATERAL (
                    SELECT id FROM outbox WHERE live_at IS NULL AND partition = mine.partition
                    ORDER BY id LIMIT \(limit)
                ) waiting
                ORDER BY waiting.id LIMIT \(limit)
            ) oldest
            JOIN outbox o ON o.id = oldest.id
            LEFT JOIN announcements a
                ON o.type = 'em.announcement.posted' AND a.id = (o.data->>'announcementId')::uuid AND a.audience = 'all'
            ORDER BY o.id
            """
        ).map(Self.row)
    }

    public func markLive(_ rowIDs: [Int], on session: Session) async throws {
        guard !rowIDs.isEmpty else { return }
        _ = try await session.query("UPDATE outbox SET live_at = now() WHERE id = ANY(\(rowIDs))")
    }

    /// The number of rows waiting for the broker, and the age of the oldest.
    public func backlog(_ database: Database) async throws -> (count: Int, oldest: Date?) {
        let rows = try await database.read(
            "SELECT count(*) AS count, min(occurred_at) AS oldest FROM outbox WHERE published_at IS NULL")
        guard let row = rows.first else { return (0, nil) }
        return (try row.decode("count"), try row.decode("oldest"))
    }

    private static func row(_ row: Row) throws -> OutboxRow {
        var announcement: (title: String, body: String, at: Date)?
        if let title = try row.decode("title", as: String?.self) {
            announcement = (title, try row.decode("body"), try row.decode("announced_at"))
        }
        return OutboxRow(
            rowID: try row.decode("id"), messageID: try row.decode("message_id"),
            destination: try row.decode("destination"), type: try row.decode("type"),
            eventID: try row.decode("event_id"), ownerID: try row.decode("owner_id"),
            data: Array(try row.decode("data", as: String.self).utf8), traceparent: try row.decode("traceparent"),
            occurredAt: try row.decode("occurred_at"), sequence: try row.decode("sequence"),
            isRepeated: try row.decode("is_repeated"), announcement: announcement)
    }
}
