import CArgon2
import Synchronization
import UnicodeText

/// Hashes and checks passwords with Argon2id (RFC 9106) on threads of its own.
///
/// One hash at the default cost takes some 27 ms and 19 MiB. It never runs on Swift's cooperative pool, at most
/// `threads` run at a time, and at most `maximumWaiting` calls wait, which bounds both the memory and the time that a flood
/// of sign-ins can cost. Of the threads everybody has a fair share: ``HashingShare``. When too many wait, the latest call
/// of whoever has most of them waiting throws `.overloaded`.
public final class PasswordHasher: Sendable {
    /// What a new hash costs.
    public struct Parameters: Sendable, Hashable {
        /// Memory in KiB (`m`).
        public var memory: UInt32
        /// Passes over it (`t`).
        public var iterations: UInt32
        /// Lanes (`p`); libargon2 starts a thread for each beyond the first.
        public var parallelism: UInt32

        public init(memory: UInt32, iterations: UInt32, parallelism: UInt32) {
            self.memory = memory
            self.iterations = iterations
            self.parallelism = parallelism
        }

        /// m = 19 MiB, t = 2, p = 1, from the OWASP Password Storage Cheat Sheet.
        public static let owasp = Parameters(memory: 19_456, iterations: 2, parallelism: 1)
    }

    /// What new hashes are made with.
    public let parameters: Parameters
    private let queue: JobQueue
    private let finished = Atomic<Int>(0)

    /// Starts the threads; they end when the hasher is let go.
    public init(parameters: Parameters = .owasp, threads: Int = 1, maximumWaiting: Int = 256) {
        self.parameters = parameters
        queue = JobQueue(maximumWaiting: maximumWaiting)
        for _ in 0..<threads { queue.startThread() }
    }

    deinit {
        // Every caller still waiting holds `self`, so nothing is left in the queue here.
        queue.close()
    }

    /// Calls that wait for a thread; for metrics.
    public var waiting: Int { queue.waitingCount }

    /// Those of one share.
    func waiting(in share: HashingShare) -> Int { queue.waitingCount(in: share) }

    /// Hashes computed so far, whether for a new one, a check, or a check of an account that doesn't exist.
    public var computed: Int { finished.load(ordering: .relaxed) }

    /// A new hash of `password` with a fresh 16-byte salt, as a PHC string
    /// (`$argon2id$v=19$m=…,t=…,p=…$salt$hash`).
    ///
    /// - Throws: `.overloaded`, `.cancelled` while it still waited, `.library` when libargon2 refuses.
    public func hash(_ password: String, in share: HashingShare) async throws(HashingError) -> String {
        let parameters = parameters
        let password = UnicodeText.compatible(password)
        return try await perform(share) { () throws(HashingError) in try Argon2.hash(password, parameters) }
    }

    /// Whether `password` is the one that `phc` was made from. The library compares in constant time.
    ///
    /// Without a `phc` (no such account) the answer is `false` after the same work, so that the time taken does not
    /// tell which accounts exist.
    ///
    /// - Throws: `.overloaded`, `.cancelled` while it still waited, `.malformedHash` when `phc` is no Argon2id string,
    ///   `.library` when libargon2 refuses.
    public func verify(
        _ password: String, against phc: String?, in share: HashingShare
    ) async throws(HashingError) -> Bool {
        let decoy = PHCString.decoy(parameters)
        return try await perform(share) { () throws(HashingError) in
            let compatible = UnicodeText.compatible(password)
            guard let phc else {
                _ = try Argon2.verify(compatible, decoy)
                return false
            }
            if try Argon2.verify(compatible, phc) { return true }
            // Made before passwords had one spelling (NIST SP 800-63B §5.1.1.2).
            guard !compatible.utf8.elementsEqual(password.utf8) else { return false }
            return try Argon2.verify(password, phc)
        }
    }

    /// Whether `phc` costs less than today's parameters (or is unreadable): hash again at the next successful sign-in,
    /// when the password is at hand. One that costs more stays: going back to cheaper ones weakens nobody.
    public func needsRehash(_ phc: String) -> Bool {
        guard let made = PHCString.parameters(of: phc) else { return true }
        return made.memory < parameters.memory || made.iterations < parameters.iterations
            || made.parallelism < parameters.parallelism
    }

    private func perform<R: Sendable>(
        _ share: HashingShare, _ work: @escaping @Sendable () throws(HashingError) -> R
    ) async throws(HashingError) -> R {
        let id = queue.nextID()
        let result: Result<R, HashingError> = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                queue.submit(
                    id: id, share: share,
                    run: { [self] in
                        let result = Result { () throws(HashingError) in try work() }
                        finished.add(1, ordering: .relaxed)
                        continuation.resume(returning: result)
                    },
                    refuse: { continuation.resume(returning: .failure($0)) })
            }
        } onCancel: {
            queue.cancel(id)
        }
        return try result.get()
    }
}

/// Why a password was neither hashed nor checked.
public enum HashingError: Error, Sendable, Hashable {
    /// The queue is full, and whoever asked has most in it. Worth a retry in a moment.
    case overloaded
    /// The calling task was cancelled before a thread took the job.
    case cancelled
    /// What should be a stored hash is not an Argon2id PHC string.
    case malformedHash
    /// libargon2 refused, by its code and its own words (which never contain the password).
    case library(code: Int32, message: String)

    /// Whether the same call may succeed later.
    public var isRetriable: Bool { self == .overloaded }
}
