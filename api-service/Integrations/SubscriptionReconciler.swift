import AMQP
import Bootstrap
import Domain
import Logging
import Messaging
import Persistence

/// Keeps the broker's queues as the subscriptions say, whoever changed them: every instance, by the connection of its
/// relay. What the routes change they see to at once; this finds what others changed (a role that was taken, an account that
/// was erased) and what a route could not see to, and has every reconnect declare them all.
struct SubscriptionReconciler {
    let stores: Stores
    let queues: SubscriptionQueues
    let logger: Logger

    private static let roundsToAll = 6

    /// What this process has done so far.
    struct Progress {
        /// As they were last seen to.
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
            // From time to time all of them: a queue or a binding may have gone while everybody was connected.
            let isThorough = progress.rounds.isMultiple(of: Self.roundsToAll)
            progress.rounds += 1
            for queue in wanted where isThorough || progress.done[queue.id] != queue {
                if let seen = try await seeTo(queue, progress.done[queue.id]) { progress.done[queue.id] = seen }
            }
            // Gone meanwhile, row and queue: which this process may have declared again since, on a reconnect.
            for id in progress.seen.subtracting(wanted.map(\.id)) {
                try await queues.remove(id)
                progress.seen.remove(id)
                progress.done[id] = nil
            }
        } catch {
            // What fails is done in the next round, a moment later.
            logger.warning("subscriptions' queues not seen to", metadata: ["error": "\(error)"])
        }
    }

    /// As it is now; nil when the broker doesn't take just this one: the others must not wait for it.
    private func seeTo(_ queue: SubscribedQueue, _ before: SubscribedQueue?) async throws -> SubscribedQueue? {
        do {
            return try await SettleQueue(stores: stores, queues: queues).perform(queue.id, after: before)
        } catch let error as BrokerError {
            guard case .channelClosed = error.kind else { throw error }
            logger.error(
                "the broker refuses a subscription's queue",
                metadata: ["subscription_id": "\(queue.id)", "error": "\(error)"])
            return nil
        }
    }
}
