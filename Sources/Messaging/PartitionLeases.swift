import Persistence
import Postgres
import Synchronization

/// The partitions that this relay alone may publish from, held by advisory locks of one database session.
///
/// Shared by the broker's loop, which takes them, and the browsers' loop, which reads them.
final class PartitionLeases: Sendable {
    private let held = Mutex<Set<Int>>([])

    var partitions: [Int] { held.withLock { $0.sorted() } }

    /// Tries to take those that are free: whoever is up takes over from whoever went away.
    func takeFree(_ store: OutboxStore, on session: Session) async throws {
        for partition in 0..<OutboxStore.partitionCount where !held.withLock({ $0.contains(partition) }) {
            if try await store.lease(partition: partition, on: session) {
                held.withLock { _ = $0.insert(partition) }
            }
        }
    }

    /// The session is over, and every lease with it.
    func forget() { held.withLock { $0 = [] } }
}
