import FoundationEssentials
import Logging
import Persistence
import ServiceLifecycle

/// Does what decisions have left to be done, step by step: see ``PendingStepStore``. Every instance runs it; each step is
/// taken by whichever comes first.
struct PendingSteps: Service, CustomStringConvertible {
    let store: PendingStepStore
    let clock: @Sendable () -> Date
    let logger: Logger
    /// Between looks, give or take a half, so that instances don't march in step.
    var interval = Duration.milliseconds(500)
    /// Between steps: what waits for the same rows has its turn.
    var breath = Duration.milliseconds(20)

    var description: String { "PendingSteps" }

    func run() async throws {
        var sizes = Sizes()
        while await pause(interval * Double.random(in: 0.5...1.5)) { await round(&sizes) }
    }

    /// Of steps, by the kind of their work.
    typealias Sizes = [PendingStepStore.Work.Kind: PendingStepStore.Size]

    /// Takes steps until nothing is left that somebody else is not at; each work's next one in turn.
    func round(_ sizes: inout Sizes) async {
        do {
            var works = try await store.list()
            while !works.isEmpty {
                var open: [PendingStepStore.Work] = []
                for work in works {
                    if await advance(work, &sizes[work.kind, default: .init()]) == .more { open.append(work) }
                    guard await pause(breath) else { return }
                }
                works = open
            }
        } catch {
            logger.warning("pending steps not loaded", metadata: ["error": "\(error)"])
        }
    }

    /// Nil when it failed, which leaves it for the next round.
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

    /// False when the service is to stop.
    private func pause(_ duration: Duration) async -> Bool {
        await cancelWhenGracefulShutdown {
            do { try await Task.sleep(for: duration) } catch { return false }
            return true
        }
    }
}
