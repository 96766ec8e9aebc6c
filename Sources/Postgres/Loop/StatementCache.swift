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
struct StatementCache {
    private struct Entry {
        let name: String
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
    mutating func name(for key: StatementKey) -> (name: String, isNew: Bool) {
        uses += 1
        if let index = entries.index(forKey: key) {
            entries.values[index].lastUse = uses
            return (entries.values[index].name, false)
        }
        if entries.count >= limit, let oldest = entries.min(by: { $0.value.lastUse < $1.value.lastUse }) {
            entries[oldest.key] = nil
            surplus.append(oldest.value.name)
        }
        names += 1
        let name = "s\(names)"
        entries[key] = Entry(name: name, lastUse: uses)
        return (name, true)
    }

    /// The server refused to prepare the statement, or has lost it.
    mutating func forget(_ key: StatementKey, deallocating: Bool = false) {
        guard let entry = entries.removeValue(forKey: key) else { return }
        if deallocating { surplus.append(entry.name) }
    }

    mutating func takeSurplus() -> [String] {
        defer { surplus = [] }
        return surplus
    }
}
