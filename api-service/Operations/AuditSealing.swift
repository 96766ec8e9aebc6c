import Bootstrap
import CoreMetrics
import Logging
import Persistence

/// A service that seals the audit log asynchronously. Every instance tries; the one with the lease does it.
///
/// The head of the chain is logged whenever entries are sealed: stored elsewhere, these log lines later show whether
/// the chain was truncated or rebuilt (`api-service audit verify --head`).
struct AuditSealing {
    /// Rows per transaction.
    static let limit = 500

    let store: AuditSealStore
    let metrics: any MetricsFactory
    let logger: Logger

    var service: PeriodicService {
        PeriodicService("AuditSealing", every: .seconds(2), jitter: 0.25) {
            do {
                try await round()
            } catch is CancellationError {
                return
            } catch {
                // Unsealed entries are sealed later.
                logger.warning("audit log not sealed", metadata: ["error": "\(error)"])
            }
        }
    }

    /// Seals what there is, unless another instance is doing it.
    func round() async throws {
        var sealed = 0
        var head: AuditHead?
        while !Task.isCancelled, let step = try await store.seal(limit: Self.limit) {
            sealed += step.sealed
            head = step.head
            if step.sealed < Self.limit { break }
        }
        guard sealed > 0, let head else { return }
        Counter(label: "em_audit_sealed", dimensions: [], factory: metrics).increment(by: sealed)
        logger.info(
            "audit log sealed",
            metadata: [
                "entries": .stringConvertible(sealed), "head": "\(head.number):\(head.digest)",
            ])
    }
}
