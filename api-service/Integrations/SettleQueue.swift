import AMQP
import Domain
import Messaging
import Persistence
import Postgres

/// Has the broker follow the row of a subscription.
///
/// The row counts: it is written first, and the broker is told when that is committed. Whoever dies in between leaves
/// nothing behind that the next look (``SubscriptionReconciler``) doesn't find, as there is no queue without a row; and the row
/// is held while the broker is told, so that of two who tell it the last tells what is so.
struct SettleQueue: Sendable {
    let stores: Stores
    let queues: SubscriptionQueues

    /// - Parameter before: as this process may have declared it meanwhile, on a reconnect. What an edit took away the row says.
    /// - Returns: what it is now; nil when there is no row any more.
    /// - Throws: `BrokerError`, and then the broker may have got a part of it: once more is as good as once.
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
