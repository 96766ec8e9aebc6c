import AMQP
import Domain
import Messaging
import Persistence
import Postgres

/// Brings a subscription's queue at the broker in line with its row.
///
/// The row is authoritative: it is written first, and the broker is updated after the commit. If the process dies in
/// between, the next round of ``SubscriptionReconciler`` catches up, because there is no queue without a row; and the
/// row is locked while the broker is updated, so that the last of two concurrent updates sends the current state.
struct SettleQueue: Sendable {
    let stores: Stores
    let queues: SubscriptionQueues

    /// - Parameter before: as this process may have declared it meanwhile, on a reconnect. What an edit removed is in
    ///   the row.
    /// - Returns: the current state; nil if the row is gone.
    /// - Throws: `BrokerError`; the broker may then have applied part of it, and a repeat is safe.
    @discardableResult
    func perform(_ id: SubscriptionID, after before: SubscribedQueue? = nil) async throws -> SubscribedQueue? {
        try await stores.database.transaction { transaction in
            guard var queue = try await stores.subscriptions.holdQueue(id, on: transaction) else { return nil }
            try await queues.settle(queue, after: before)
            if !queue.formerTypes.isEmpty {
                try await stores.subscriptions.forgetFormerTypes(of: id, on: transaction)
                queue.formerTypes = []
            }
            if queue.status == .ended { try await stores.subscriptions.forget(id, on: transaction) }
            return queue
        }
    }
}
