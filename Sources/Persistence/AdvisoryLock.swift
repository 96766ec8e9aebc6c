/// The keys of all PostgreSQL advisory locks: a new one takes the next number.
///
/// Keys of one number (`pg_advisory_lock(bigint)`) and of two (a class and a number within it) never collide.
/// Idempotency keys are 64-bit hashes, which could collide with one of these only by chance, and would then just wait.
enum AdvisoryLock {
    /// One migrator at a time.
    static let migration = 7312
    /// One invariant check at a time: it reads everything.
    static let invariants = 7313
    /// One pruner at a time.
    static let pruning = 7314
    /// One operation on parked messages at a time.
    static let deadLetters = 7315
    /// One sealer of the audit log at a time.
    static let auditSeal = 7316
    /// One claimer of webhooks' deliveries at a time.
    static let webhookClaim = 7322

    // Classes.

    /// One relay at a time leases a partition of the outbox; the second key is the partition.
    static let outboxLease = 7313
    /// Shared by every relay, so that they can be counted: number 0; and by those that publish facts to the workers'
    /// queues directly: number 1.
    static let relayPresence = 7314
    /// One process at a time starts due mailings; number 0.
    static let mailingClock = 7317
}
