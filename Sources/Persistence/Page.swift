public import FoundationEssentials

/// The end of a keyset page: the sort key and the id of its last row.
public struct PageKey: Codable, Hashable, Sendable {
    public var at: Date
    public var id: UUID

    public init(at: Date, id: UUID) {
        self.at = at
        self.id = id
    }
}

/// One page of a list, with the key of the next.
public struct Page<Item: Sendable>: Sendable {
    public var items: [Item]
    public var next: PageKey?

    public init(items: [Item], next: PageKey?) {
        self.items = items
        self.next = next
    }

    /// Makes a page from rows that were read with one more than `limit`: the extra one shows that there is more.
    init(_ items: [Item], limit: Int, key: (Item) -> PageKey) {
        self.items = Array(items.prefix(limit))
        self.next = items.count > limit ? self.items.last.map(key) : nil
    }

    public func map<Other>(_ transform: (Item) throws -> Other) rethrows -> Page<Other> {
        Page<Other>(items: try items.map(transform), next: next)
    }
}
