/// The keys of PostgreSQL's advisory locks, all of them: whoever needs one more takes the next number.
///
/// Keys of one number (`pg_advisory_lock(bigint)`) and of two (a class and a number within it) never meet. Keys for
/// idempotency are hashes of 64 bits, which could meet one of these by chance alone, and then only wait.
enum AdvisoryLock {
    /// One migrator at a time.
    static let migration = 7312
    /// One check of the invariants at a time: it reads everything.
    static let invariants = 7313
    /// One pruner at a time.
    static let pruning = 7314
    /// One at a time looks at the parked messages.
    static let deadLetters = 7315
    /// One sealer of the audit log at a time.
    static let auditSeal = 7316
    /// One claimer of webhooks' deliveries at a time.
    static let webhookClaim = 7322

    // Classes.

    /// One relay at a time owns a partition of the outbox, which is the number within it.
    static let outboxLease = 7313
    /// Shared by every relay, so that they can be counted; number 0.
    static let relayPresence = 7314
    /// One at a time begins mailings that are due; number 0.
    static let mailingClock = 7317
}
