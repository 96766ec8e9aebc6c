import AMQP
import Domain
import Logging
import Messaging
import Persistence
import ServiceLifecycle

/// Keeps the broker's queues as the subscriptions say, whoever changed them: every instance, by the connection of its
/// relay. What the routes change they see to at once; this finds what others changed (a role that was taken, an account that
/// was erased), and has every reconnect declare them all.
struct SubscriptionUpkeep: Service, CustomStringConvertible {
    let store: SubscriptionStore
    let queues: SubscriptionQueues
    let logger: Logger
    var interval = Duration.seconds(5)

    var description: String { "SubscriptionUpkeep" }

    /// What this process has done so far.
    struct Progress {
        /// As they were last seen to.
        var done: [SubscriptionID: SubscribedQueue] = [:]
        /// Every queue that this process may have declared.
        var seen: Set<SubscriptionID> = []
    }

    func run() async throws {
        var progress = Progress()
        repeat { await round(&progress) } while await pause()
    }

    func round(_ progress: inout Progress) async {
        do {
            let wanted = try await store.queues()
            queues.declareOnConnect(wanted)
            progress.seen.formUnion(wanted.map(\.id))
            guard queues.isBrokerHere else { return }
            var gone: [SubscriptionID] = []
            for queue in wanted where progress.done[queue.id] != queue {
                guard try await seeTo(queue, progress.done[queue.id]) else { continue }
                if queue.hasEnded { gone.append(queue.id) }
                progress.done[queue.id] = queue
            }
            if !gone.isEmpty { try await store.forget(gone) }
            // Deleted meanwhile, by a route that removed the queue: which this process may have declared again since.
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

    /// False when the broker doesn't take just this one: the others must not wait for it.
    private func seeTo(_ queue: SubscribedQueue, _ before: SubscribedQueue?) async throws -> Bool {
        do throws(BrokerError) {
            if queue.hasEnded {
                try await queues.remove(queue.id)
            } else {
                try await queues.change(before ?? queue, to: queue)
            }
            return true
        } catch {
            guard case .channelClosed = error.kind else { throw error }
            logger.error(
                "the broker refuses a subscription's queue",
                metadata: ["subscription_id": "\(queue.id)", "error": "\(error)"])
            return false
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
