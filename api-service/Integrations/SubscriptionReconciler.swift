import AMQP
import Domain
import Logging
import Messaging
import Persistence
import ServiceLifecycle

/// Keeps the broker's queues as the subscriptions say, whoever changed them: every instance, by the connection of its
/// relay. What the routes change they see to at once; this finds what others changed (a role that was taken, an account that
/// was erased) and what a route could not see to, and has every reconnect declare them all.
struct SubscriptionReconciler: Service, CustomStringConvertible {
    let stores: Stores
    let queues: SubscriptionQueues
    let logger: Logger
    var interval = Duration.seconds(5)

    var description: String { "SubscriptionReconciler" }

    private static let roundsToAll = 6

    /// What this process has done so far.
    struct Progress {
        /// As they were last seen to.
        var done: [SubscriptionID: SubscribedQueue] = [:]
        /// Every queue that this process may have declared.
        var seen: Set<SubscriptionID> = []
        var rounds = 0
    }

    func run() async throws {
        var progress = Progress()
        repeat { await round(&progress) } while await pause()
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
            logger.warning("subscription queues not reconciled", metadata: ["error": "\(error)"])
        }
    }

    /// As it is now; nil when the broker doesn't take just this one: the others must not wait for it.
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

    /// False when the service is to stop.
    private func pause() async -> Bool {
        await cancelWhenGracefulShutdown {
            do { try await Task.sleep(for: interval) } catch { return false }
            return true
        }
    }
}
