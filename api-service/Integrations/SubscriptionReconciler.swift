import AMQP
import Bootstrap
import Domain
import Logging
import Messaging
import Persistence

/// The reconciler of the broker's queues with the subscriptions: run by every instance, over its relay's connection.
/// Routes apply their own changes at once; this covers changes made elsewhere (a removed role, a deleted account) and
/// what a route could not apply, and has every reconnect declare all queues.
struct SubscriptionReconciler {
    let stores: Stores
    let queues: SubscriptionQueues
    let logger: Logger

    private static let roundsToAll = 6

    struct Progress {
        /// As last reconciled.
        var done: [SubscriptionID: SubscribedQueue] = [:]
        /// Every queue that this process may have declared.
        var seen: Set<SubscriptionID> = []
        var rounds = 0
    }

    var service: PeriodicService {
        PeriodicService(
            "SubscriptionReconciler", every: .seconds(5), atOnce: true, atShutdown: .finished, from: Progress()
        ) { await round(&$0) }
    }

    func round(_ progress: inout Progress) async {
        do {
            let wanted = try await stores.subscriptions.queues()
            queues.declareOnConnect(wanted)
            progress.seen.formUnion(wanted.map(\.id))
            guard queues.isBrokerHere else { return }
            // All of them periodically: a queue or a binding may have disappeared while everyone was connected.
            let isThorough = progress.rounds.isMultiple(of: Self.roundsToAll)
            progress.rounds += 1
            for queue in wanted where isThorough || progress.done[queue.id] != queue {
                if let seen = try await seeTo(queue, progress.done[queue.id]) { progress.done[queue.id] = seen }
            }
            // Row and queue deleted meanwhile: this process may have declared the queue again since, on a reconnect.
            for id in progress.seen.subtracting(wanted.map(\.id)) {
                try await queues.remove(id)
                progress.seen.remove(id)
                progress.done[id] = nil
            }
        } catch {
            // Retried in the next round, moments later.
            logger.warning("subscription queues not reconciled", metadata: ["error": "\(error)"])
        }
    }

    /// The current state; nil if the broker refuses this one: the others must not wait for it.
    private func seeTo(_ queue: SubscribedQueue, _ before: SubscribedQueue?) async throws -> SubscribedQueue? {
        do {
            return try await SettleQueue(stores: stores, queues: queues).perform(queue.id, after: before)
        } catch let error as BrokerError {
            guard case .channelClosed = error.kind else { throw error }
            logger.error(
                "subscription queue refused by the broker",
                metadata: ["subscription_id": "\(queue.id)", "error": "\(error)"])
            return nil
        }
    }
}
