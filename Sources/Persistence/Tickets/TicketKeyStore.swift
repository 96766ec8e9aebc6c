public import FoundationEssentials
public import Postgres

/// A public key that verifies tickets.
public struct PublishedTicketKey: Sendable {
    /// Eight hexadecimal digits.
    public var id: String
    /// 32 bytes.
    public var rawKey: [UInt8]
    public var publishedAt: Date
    /// When a ticket-worker last started with it.
    public var usedAt: Date
    public var retiredAt: Date?
}

/// The keys that tickets are verified with. Only ticket-worker has the private keys.
public struct TicketKeyStore: Sendable {
    /// The key was retired, or another one has its id: a ticket signed with it would be refused.
    public struct Unusable: Error, CustomStringConvertible {
        public let id: String
        public var description: String {
            "the ticket key \(id) was retired; `ticket-worker keys rotate` makes a new one"
        }
    }

    let database: Database

    public init(_ database: Database) { self.database = database }

    /// Publishes a key; repeated when a worker starts with it.
    /// - Throws: ``Unusable``.
    public func publish(_ id: String, _ rawKey: [UInt8]) async throws {
        let written = try await database.execute(
            """
            INSERT INTO ticket_keys (key_id, public_key) VALUES (\(id), \(rawKey))
            ON CONFLICT (key_id) DO UPDATE SET used_at = now()
            WHERE ticket_keys.public_key = excluded.public_key AND ticket_keys.retired_at IS NULL
            """)
        guard written.affectedRows == 1 else { throw Unusable(id: id) }
    }

    /// All keys, most recently used first.
    public func list() async throws -> [PublishedTicketKey] {
        try await database.read(
            """
            SELECT key_id, public_key, published_at, used_at, retired_at FROM ticket_keys ORDER BY used_at DESC, key_id
            """
        ).map { row in
            PublishedTicketKey(
                id: try row.decode("key_id"), rawKey: try row.decode("public_key"),
                publishedAt: try row.decode("published_at"), usedAt: try row.decode("used_at"),
                retiredAt: try row.decode("retired_at"))
        }
    }

    /// Retires a key: its tickets are refused from now on; returns whether it was in use.
    public func retire(_ id: String) async throws -> Bool {
        try await database.execute(
            "UPDATE ticket_keys SET retired_at = now() WHERE key_id = \(id) AND retired_at IS NULL"
        ).affectedRows == 1
    }
}
