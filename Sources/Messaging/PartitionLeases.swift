import Persistence
import Postgres
import FailPoints
import Synchronization

/// The partitions leased by this relay, held by advisory locks of one database session.
///
/// Shared by the broker's loop, which acquires and releases them, and the browsers' loop, which reads them.
final class PartitionLeases: Sendable {
    private let held = Mutex<Set<Int>>([])

    var partitions: [Int] { held.withLock { $0.sorted() } }

    /// The share of the relay with this rank among `relays`: shares differ by one at most, and add up to all.
    static func share(rank: Int, of relays: Int) -> Int {
        let relays = FailPoint.mutates(.skipLocked) ? 1 : max(1, relays)
        return OutboxStore.partitionCount / relays + (rank < OutboxStore.partitionCount % relays ? 1 : 0)
    }

    /// Which of `held` are to be released so that at most `share` remain.
    static func surplus(of held: [Int], share: Int) -> [Int] { Array(held.dropFirst(share)) }

    /// Acquires free partitions up to a share, and releases the surplus: running relays take over from those that have
    /// gone, and make room for new ones. No row of the partitions may be in flight, and their writers must be set to
    /// wake their relay.
    ///
    /// - Returns: whether anything has changed.
    func balance(to share: Int, _ store: OutboxStore, on session: Session) async throws -> Bool {
        let before = partitions
        let surplus = Self.surplus(of: before, share: share)
        // Removed before the lock is released.
        held.withLock { $0.subtract(surplus) }
        try await store.release(partitions: surplus, on: session)
        var wanted = share - partitions.count
        for partition in 0..<OutboxStore.partitionCount where wanted > 0 && !before.contains(partition) {
            if try await store.lease(partition: partition, on: session) {
                held.withLock { _ = $0.insert(partition) }
                wanted -= 1
            }
        }
        return partitions != before
    }

    /// Called when the session has ended, and every lease with it.
    func forget() { held.withLock { $0 = [] } }
}
