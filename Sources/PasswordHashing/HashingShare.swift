/// Whose turn a password's hash takes: what it is for, and who asks.
///
/// What the hashes are for take turns, and within each those who ask: a flood of one kind, or from one place, waits behind
/// itself, and everybody else's next hash comes after one of each of theirs at most.
public struct HashingShare: Hashable, Sendable {
    public enum Purpose: Hashable, Sendable, CaseIterable {
        case signIn, signUp, change
    }

    public var purpose: Purpose
    /// Whatever tells those who ask apart, such as the network that the request comes from.
    public var client: String

    public init(_ purpose: Purpose, client: String) {
        self.purpose = purpose
        self.client = client
    }
}

/// The waiting elements of a queue that everybody has a fair share of: see ``HashingShare``.
struct FairQueue<Element> {
    /// The clients of one purpose, the one whose turn is next first, each with what waits in the order of arrival.
    private struct PurposeQueue {
        var turns: [String] = []
        var waiting: [String: [Element]] = [:]
    }

    /// The purpose whose turn is next first.
    private var purposes = HashingShare.Purpose.allCases
    private var queues: [HashingShare.Purpose: PurposeQueue] = [:]
    private(set) var count = 0

    func count(of share: HashingShare) -> Int { queues[share.purpose]?.waiting[share.client]?.count ?? 0 }

    mutating func append(_ element: Element, to share: HashingShare) {
        var queue = queues.removeValue(forKey: share.purpose) ?? PurposeQueue()
        if queue.waiting[share.client] == nil { queue.turns.append(share.client) }
        queue.waiting[share.client, default: []].append(element)
        queues[share.purpose] = queue
        count += 1
    }

    mutating func popFirst() -> Element? {
        guard let turn = purposes.firstIndex(where: { queues[$0] != nil }) else { return nil }
        let purpose = purposes.remove(at: turn)
        purposes.append(purpose)
        guard var queue = queues.removeValue(forKey: purpose) else { return nil }
        let client = queue.turns.removeFirst()
        var waiting = queue.waiting.removeValue(forKey: client) ?? []
        let element = waiting.removeFirst()
        if !waiting.isEmpty {
            queue.waiting[client] = waiting
            queue.turns.append(client)
        }
        if !queue.turns.isEmpty { queues[purpose] = queue }
        count -= 1
        return element
    }

    /// Takes out the latest of whoever has most waiting, if that is more than `count`: the one who makes room for others.
    mutating func popFromLongest(beyond count: Int) -> Element? {
        var longest: (share: HashingShare, count: Int)?
        for (purpose, queue) in queues {
            for (client, waiting) in queue.waiting where waiting.count > longest?.count ?? count {
                longest = (HashingShare(purpose, client: client), waiting.count)
            }
        }
        return longest.flatMap { longest in remove(from: longest.share, at: longest.count - 1) }
    }

    /// Takes out the first that `isWanted`.
    mutating func remove(where isWanted: (Element) -> Bool) -> Element? {
        for (purpose, queue) in queues {
            for (client, waiting) in queue.waiting {
                guard let index = waiting.firstIndex(where: isWanted) else { continue }
                return remove(from: HashingShare(purpose, client: client), at: index)
            }
        }
        return nil
    }

    private mutating func remove(from share: HashingShare, at index: Int) -> Element? {
        guard var queue = queues.removeValue(forKey: share.purpose),
            var waiting = queue.waiting.removeValue(forKey: share.client)
        else { return nil }
        let element = waiting.remove(at: index)
        if waiting.isEmpty {
            queue.turns.removeAll { $0 == share.client }
        } else {
            queue.waiting[share.client] = waiting
        }
        if !queue.turns.isEmpty { queues[share.purpose] = queue }
        count -= 1
        return element
    }
}
