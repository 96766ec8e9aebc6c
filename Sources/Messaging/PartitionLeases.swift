import Persistence
import Postgres
import FailPoints
import Synchronization

/// The partitions that this relay alone may publish from, held by advisory locks of one database session.
///
/// Shared by the broker's loop, which takes and gives them, and the browsers' loop, which reads them.
final class PartitionLeases: Sendable {
    private let held = Mutex<Set<Int>>([])

    var partitions: [Int] { held.withLock { $0.sorted() } }

    /// The share of the relay with this place among `relays`: shares differ by one at most, and add up to all.
    static func share(rank: Int, of relays: Int) -> Int {
        let relays = FailPoint.mutates(.skipLocked) ? 1 : max(1, relays)
        return OutboxStore.partitionCount / relays + (rank < OutboxStore.partitionCount % relays ? 1 : 0)
    }

    /// Which of `held` are to be given back so that no more than `share` stay.
    static func surplus(of held: [Int], share: Int) -> [Int] { Array(held.dropFirst(share)) }

    /// Takes free partitions up to a share, and gives back what is over it: whoever is up takes over from whoever
    /// went away, and makes room for whoever comes. Nothing of the partitions may be on its way, and their writers must
    /// be told to wake their relay.
    ///
    /// - Returns: whether anything has changed.
    func balance(to share: Int, _ store: OutboxStore, on session: Session) async throws -> Bool {
        let before = partitions
        let surplus = Self.surplus(of: before, share: share)
        // No longer ours before the lock is gone.
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

    /// The session is over, and every lease with it.
    func forget() { held.withLock { $0 = [] } }
}
