import Bootstrap
import FoundationEssentials
import Logging
import Persistence

/// A service that carries out decisions step by step: see ``PendingStepStore``. Every instance runs it; each step is
/// taken by whichever comes first.
struct PendingSteps {
    let store: PendingStepStore
    let clock: @Sendable () -> Date
    let logger: Logger
    /// Between steps, so that others waiting for the same rows get their turn.
    var breath = Duration.milliseconds(20)

    var service: PeriodicService {
        PeriodicService(
            "PendingSteps", every: .milliseconds(500), jitter: 0.5, atShutdown: .finished, from: Sizes()
        ) { await round(&$0) }
    }

    typealias Sizes = [PendingStepStore.Work.Kind: PendingStepStore.Size]

    /// Takes steps until nothing is left that another instance isn't working on; round-robin.
    func round(_ sizes: inout Sizes) async {
        do {
            var works = try await store.list()
            while !works.isEmpty {
                var open: [PendingStepStore.Work] = []
                for work in works {
                    if await advance(work, &sizes[work.kind, default: .init()]) == .more { open.append(work) }
                    guard await PeriodicService.pause(breath) else { return }
                }
                works = open
            }
        } catch {
            logger.warning("pending steps not loaded", metadata: ["error": "\(error)"])
        }
    }

    /// Nil if it failed, which leaves it for the next round.
    private func advance(
        _ work: PendingStepStore.Work, _ size: inout PendingStepStore.Size
    ) async -> PendingStepStore.Outcome? {
        do {
            let outcome = try await store.advance(work, &size, now: clock())
            if outcome == .done {
                logger.info(
                    "pending steps finished",
                    metadata: ["kind": "\(work.kind.rawValue)", "subject_id": "\(work.subject)"])
            }
            return outcome
        } catch {
            logger.warning(
                "pending step failed",
                metadata: [
                    "kind": "\(work.kind.rawValue)", "subject_id": "\(work.subject)", "error": "\(error)",
                ])
            return nil
        }
    }
}
