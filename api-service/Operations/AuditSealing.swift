import CoreMetrics
import Logging
import Persistence
import ServiceLifecycle

/// Seals the audit log behind those who write to it. Every instance tries; one at a time has the lease and does it.
///
/// Where the chain ends is logged with every round that sealed something: kept elsewhere, the log lines show later
/// whether the chain was cut off or made anew (`api-service audit verify --head`).
struct AuditSealing: Service, CustomStringConvertible {
    /// Rows a transaction.
    static let limit = 500

    let store: AuditSealStore
    let metrics: any MetricsFactory
    let logger: Logger
    /// Between rounds, give or take a quarter, so that instances don't march in step.
    var interval = Duration.seconds(2)

    var description: String { "AuditSealing" }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do {
                    try await Task.sleep(for: interval * Double.random(in: 0.75...1.25))
                    try await round()
                } catch is CancellationError {
                    return
                } catch {
                    // What is not sealed now is sealed later.
                    logger.warning("audit log not sealed", metadata: ["error": "\(error)"])
                }
            }
        }
    }

    /// Seals what there is, unless somebody else is at it.
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
