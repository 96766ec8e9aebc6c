import AMQP
import Domain
import FoundationEssentials
import Logging
import Persistence
import Postgres
import FailPoints

/// The reconciler of the broker's topology, also while everyone is connected: each round declares every object.
///
/// A missing worker queue took confirmed messages with it: those of the last day that the workers' inboxes don't know
/// are published again, to the workers only.
struct TopologyReconciler {
    let publisher: Publisher
    let topology: Topology
    let names: BrokerNames
    let database: Database
    /// The messages that each worker must have, by the name of its queue.
    let owed: [String: [OwedMessage]]
    let logger: Logger
    private let outbox = OutboxStore()
    private let webhooks: WebhookStore
    /// Queues that were missing and whose messages are not all republished: kept until they are, because the database
    /// may be unreachable at the time.
    private var lost: Set<String> = []

    static let interval = Duration.seconds(5)
    private static let memory = 86_400.0

    init(
        publisher: Publisher, topology: Topology, names: BrokerNames, workers: [WorkerQueue], database: Database,
        logger: Logger
    ) {
        self.names = names
        self.publisher = publisher
        self.topology = topology
        self.database = database
        self.logger = logger
        webhooks = WebhookStore(database)
        owed = Dictionary(workers.map { ($0.name, $0.owed) }) { first, _ in first }
    }

    mutating func round() async throws {
        guard publisher.state == .connected, !FailPoint.mutates(.trustBindings) else { return }
        for queue in topology.workQueues where try await isGone(queue) {
            logger.error("worker queue missing, recreating", metadata: ["queue": "\(queue)"])
            lost.insert(queue)
        }
        try await publisher.declare(topology)
        for queue in lost {
            try await publishAgain(queue)
            lost.remove(queue)
        }
    }

    private func isGone(_ queue: String) async throws -> Bool {
        do throws(BrokerError) {
            _ = try await publisher.queueStatus(queue)
            return false
        } catch {
            if case .channelClosed(code: 404, _) = error.kind { return true }
            throw error
        }
    }

    private func publishAgain(_ queue: String) async throws {
        let since = Date() - Self.memory
        let first = try await database.transaction { try await outbox.row(before: since, on: $0) }
        var (row, count) = (first, 0)
        while let owed = owed[queue], !owed.isEmpty {
            let step = try await database.transaction { [row] transaction in
                try await outbox.reconcile(
                    owed, since: since, after: row, limit: 5000, isForWorkersAlone: true, on: transaction)
            }
            count += step.again.values.reduce(0, +)
            guard let last = step.last else { break }
            row = last
        }
        // The consumer of all facts leaves no inbox rows: what it did not plan shows in its deliveries.
        if topology.carries("", from: names.events).contains(queue) {
            count += try await webhooks.reconcile(since: since, from: first, isTrial: false)
        }
        if count > 0 {
            logger.warning(
                "republishing messages lost by a queue", metadata: ["queue": "\(queue)", "count": "\(count)"])
        }
    }
}
