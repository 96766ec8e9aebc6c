import Bootstrap
import CoreMetrics
import Logging
import Persistence
import Postgres

/// A periodic service that deletes expired rows. Every instance runs it; whichever comes first does the work.
struct Pruning {
    /// A retention rule. To add one, name it in ``all(_:_:_:)``.
    struct Rule: Sendable {
        /// For the log and the metrics.
        var name: String
        var step: PruningStore.Step

        init(_ name: String, _ step: @escaping PruningStore.Step) {
            self.name = name
            self.step = step
        }
    }

    /// Rows per transaction: few enough that no one waits long for its locks.
    static let limit = 1000
    /// Transactions per rule and round: the rest waits for the next round.
    static let maximumSteps = 200

    let store: PruningStore
    let rules: [Rule]
    let metrics: any MetricsFactory
    let logger: Logger
    /// Between transactions.
    var breath = Duration.milliseconds(20)

    var service: PeriodicService {
        PeriodicService("Pruning", every: .seconds(300), jitter: 0.5, atShutdown: .finished) { await round() }
    }

    /// Applies all rules once. What fails is left for the next round.
    func round() async {
        for rule in rules {
            do {
                guard try await prune(rule) else { return }
            } catch {
                logger.warning("pruning failed", metadata: ["rows": "\(rule.name)", "error": "\(error)"])
            }
        }
    }

    /// False if another instance is doing it, or this one is stopping.
    private func prune(_ rule: Rule) async throws -> Bool {
        var total = 0
        defer { if total > 0 { record(total, of: rule) } }
        for _ in 0..<Self.maximumSteps {
            guard let removed = try await store.take(rule.step, limit: Self.limit) else { return false }
            total += removed
            if removed < Self.limit { return true }
            guard await PeriodicService.pause(breath) else { return false }
        }
        return true
    }

    private func record(_ total: Int, of rule: Rule) {
        logger.info("pruned", metadata: ["rows": "\(rule.name)", "count": .stringConvertible(total)])
        Counter(label: "em_pruned_rows", dimensions: [("rows", rule.name)], factory: metrics).increment(by: total)
    }
}
