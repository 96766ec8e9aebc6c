#if DEBUG && canImport(Glibc)
import Glibc
import Synchronization
#endif

/// What fault tests do to the running code: kill the process at a point, or take a guard away to show the harm.
///
/// Compiled into debug builds only, and reached by their environment only: in a release build all of this is empty.
public enum FailPoint {
    /// Guards that a test takes away, one at a time, with `EM_MUTANT`.
    public enum Mutant: String, Sendable {
        /// The relay marks what it has sent, whether the broker has it or not.
        case noConfirms = "no-confirms"
        /// The worker takes messages off the queue before their effect is committed.
        case ackBeforeCommit = "ack-before-commit"
        /// Handlers don't look whether they had the message before.
        case noInbox = "no-inbox"
        /// The relay continues from the highest row number that it has seen.
        case lastID = "last-id"
        /// Facts reach the workers by bindings alone, which the relay takes to be there.
        case trustBindings = "trust-bindings"
        /// Relays share the rows by SKIP LOCKED instead of sharing out the partitions.
        case skipLocked = "skip-locked"
    }

    #if DEBUG && canImport(Glibc)
    private static let mutant = getenv("EM_MUTANT").flatMap { Mutant(rawValue: String(cString: $0)) }

    public static func mutates(_ mutant: Mutant) -> Bool { self.mutant == mutant }

    /// What delays are multiplied with, by `EM_HASTE`: a fault test doesn't wait for the ladder's hour.
    public static let haste = getenv("EM_HASTE").flatMap { Double(String(cString: $0)) } ?? 1

    private struct Target {
        var point: String
        var subject: String?
        var hit: Int

        /// `point`, `point:3` (the third time) or `point@subject` (every time it is about this).
        init(_ text: String) {
            let counted = text.split(separator: ":", maxSplits: 1)
            let named = (counted.first ?? "").split(separator: "@", maxSplits: 1)
            point = String(named.first ?? "")
            subject = named.count > 1 ? String(named[1]) : nil
            hit = counted.count > 1 ? Int(counted[1]) ?? 1 : 1
        }
    }

    private static let target = getenv("EM_KILL_AT").map { Target(String(cString: $0)) }
    private static let hits = Atomic<Int>(0)

    /// Ends the process here and now, if `EM_KILL_AT` names this point.
    public static func point(_ name: StaticString, about subject: @autoclosure () -> String = "") {
        guard let target, target.point == name.description else { return }
        if let wanted = target.subject, wanted != subject() { return }
        if hits.add(1, ordering: .relaxed).newValue == target.hit { kill(getpid(), SIGKILL) }
    }
    #else
    public static let haste = 1.0
    @inlinable public static func mutates(_ mutant: Mutant) -> Bool { false }
    @inlinable public static func point(_ name: StaticString, about subject: @autoclosure () -> String = "") {}
    #endif
}
