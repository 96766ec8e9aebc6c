/// What makes two statements the same to the server.
struct StatementKey: Hashable {
    let text: String
    let types: [UInt32]

    init(_ sql: SQL) {
        text = sql.text
        types = sql.types
    }
}

/// The statements prepared on one connection, by name: at most `limit`, the least recently used giving way.
///
/// Until the server has confirmed it, a statement is relied on only within the batch that prepares it: a later batch
/// in the pipeline would fail with it, for another one's error, and so prepares it again under another name.
struct StatementCache {
    private struct Entry {
        let name: String
        let batch: UInt64
        var isConfirmed = false
        var lastUse: UInt64
    }

    private let limit: Int
    private var entries: [StatementKey: Entry] = [:]
    private var uses: UInt64 = 0
    private var names: UInt64 = 0
    /// Names that the server still knows and we no longer use: to be deallocated where that can't fail.
    private var surplus: [String] = []
    var hasSurplus: Bool { !surplus.isEmpty }

    init(limit: Int) {
        self.limit = limit
    }

    /// The statement's name, and whether it has to be prepared under that name first.
    mutating func name(for key: StatementKey, batch: UInt64) -> (name: String, isNew: Bool) {
        uses += 1
        if let index = entries.index(forKey: key) {
            let entry = entries.values[index]
            if entry.isConfirmed || entry.batch == batch {
                entries.values[index].lastUse = uses
                return (entry.name, false)
            }
        } else if entries.count >= limit, let oldest = entries.min(by: { $0.value.lastUse < $1.value.lastUse }) {
            entries[oldest.key] = nil
            // An unconfirmed one becomes surplus when it is confirmed.
            if oldest.value.isConfirmed { surplus.append(oldest.value.name) }
        }
        names += 1
        let name = "s\(names)"
        entries[key] = Entry(name: name, batch: batch, lastUse: uses)
        return (name, true)
    }

    /// The server has prepared the statement under that name.
    mutating func confirm(_ key: StatementKey, name: String) {
        guard let index = entries.index(forKey: key), entries.values[index].name == name else {
            // Overtaken by a later batch's, or evicted.
            return surplus.append(name)
        }
        entries.values[index].isConfirmed = true
    }

    /// The server refused to prepare the statement, or has lost it.
    mutating func forget(_ key: StatementKey, name: String, deallocating: Bool = false) {
        if deallocating { surplus.append(name) }
        if entries[key]?.name == name { entries[key] = nil }
    }

    mutating func takeSurplus() -> [String] {
        defer { surplus = [] }
        return surplus
    }
}
