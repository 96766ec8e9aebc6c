public import FoundationEssentials

/// Where a keyset page ended: the sort key and the id of its last row.
public struct PageKey: Codable, Hashable, Sendable {
    public var at: Date
    public var id: UUID

    public init(at: Date, id: UUID) {
        self.at = at
        self.id = id
    }
}

/// One page of a list, and where the next begins.
public struct Page<Item: Sendable>: Sendable {
    public var items: [Item]
    public var next: PageKey?

    public init(items: [Item], next: PageKey?) {
        self.items = items
        self.next = next
    }

    /// Makes a page of rows that were read with one more than `limit`: the one too many says that there is more.
    init(_ items: [Item], limit: Int, key: (Item) -> PageKey) {
        self.items = Array(items.prefix(limit))
        self.next = items.count > limit ? self.items.last.map(key) : nil
    }

    public func map<Other>(_ transform: (Item) throws -> Other) rethrows -> Page<Other> {
        Page<Other>(items: try items.map(transform), next: next)
    }
}
