public import Domain
import FailPoints
public import Persistence

/// A worker's queue with what belongs to it: the bindings that feed it, its ladder of delay queues, its parking queue.
public struct WorkerQueue: Sendable, Equatable {
    public let names: BrokerNames
    public let name: String
    public let facts: [MessageType]
    /// Whether it gets every fact, whatever its type. Its reader looks after itself: it leaves no inbox rows, and the relay
    /// takes a fact that nobody else reads for one that may go unread.
    public let readsAllFacts: Bool
    public let work: [WorkType]
    public let ladder: RetryLadder

    public init(
        name: String, facts: [MessageType] = [], readsAllFacts: Bool = false, work: [WorkType] = [],
        ladder: RetryLadder = .standard, names: BrokerNames = .emConnect
    ) {
        self.names = names
        self.name = names.prefix + name
        self.facts = facts
        self.readsAllFacts = readsAllFacts
        self.work = work
        self.ladder = ladder
    }

    /// What issues tickets. A cancellation revokes them in its own transaction: no gate waits for a queue.
    public static let ticketIssue = WorkerQueue(
        name: "ticket-worker.issue", facts: [.registrationConfirmed, .registrationPromoted], work: [.ticketIssue])
    /// What decides who is to be written to.
    public static let notificationsPlan = WorkerQueue(
        name: "notifications.plan",
        facts: [.ticketIssued, .registrationCancelled, .registrationWaitlisted, .eventUpdated, .eventCancelled],
        work: [.accountMail])
    /// What sends one mail.
    public static let notificationsMail = WorkerQueue(name: "notifications.mail", work: [.mailSend], ladder: .mail)

    /// What plans mailings, step by step; previews of them wait for one step at most.
    public static let notificationsMailings = WorkerQueue(
        name: "notifications.mailings", work: [.mailingPlan, .mailPreview])
    /// What sends one mail of a mailing.
    public static let notificationsBulkMail = WorkerQueue(
        name: "notifications.bulkMail", work: [.bulkMailSend], ladder: .mail)

    /// What decides which webhooks a fact is for.
    public static let notificationsWebhooks = WorkerQueue(name: "notifications.webhooks", readsAllFacts: true)

    public static let all = [
        ticketIssue, notificationsPlan, notificationsMail, notificationsMailings, notificationsBulkMail,
        notificationsWebhooks,
    ]

    /// Where messages end up that can't be handled, until an operator replays or discards them.
    public var parked: String { name + ".parked" }

    /// What it has to have: its inbox goes by the queue's name.
    public var owed: [OwedMessage] {
        facts.map { OwedMessage(destination: .events, type: $0.rawValue, consumer: name) }
            + work.map { OwedMessage(destination: .work, type: $0.rawValue, consumer: name) }
    }

    public func retryQueue(_ rung: RetryLadder.Rung) -> String { "\(name).retry.\(rung.name)" }
}

/// After how long a message that failed comes again, and how often.
public struct RetryLadder: Sendable, Equatable {
    public struct Rung: Sendable, Equatable {
        /// The end of the delay queue's name.
        public let name: String
        public let delay: Duration

        public init(_ name: String, _ delay: Duration) {
            self.name = name
            self.delay = delay
        }
    }

    /// By rising delay; the last one is repeated.
    public let rungs: [Rung]
    /// How often a message is tried before it is parked, the first time included.
    public let maximumAttempts: Int

    public init(_ rungs: [Rung], maximumAttempts: Int) {
        precondition(!rungs.isEmpty && maximumAttempts > 0)
        self.rungs = rungs
        self.maximumAttempts = maximumAttempts
    }

    private static let contract = [
        Rung("5s", .seconds(5)), Rung("30s", .seconds(30)), Rung("5m", .seconds(300)), Rung("1h", .seconds(3600)),
    ].map { Rung($0.name, $0.delay * FailPoint.haste) }
    /// Each rung once: over an hour.
    public static let standard = RetryLadder(contract, maximumAttempts: 5)
    /// The last rung again and again: mail servers may be away for a day. With the jitter, which takes a tenth of each
    /// wait on average, 28 hours on the last rung are 25.
    public static let mail = RetryLadder(contract, maximumAttempts: 32)

    /// Where a message waits that was not tried.
    public var postponement: Rung { rungs[min(1, rungs.count - 1)] }

    /// Where a message waits whose `attempt` (from 1) failed; nil when that was its last one.
    ///
    /// - Parameter delay: the least time to wait, if the failure named one; rounded up to a rung, at most the last.
    public func rung(afterAttempt attempt: Int, atLeast delay: Duration?) -> Rung? {
        guard attempt < maximumAttempts else { return nil }
        let own = rungs[min(max(0, attempt - 1), rungs.count - 1)]
        guard let delay, delay > own.delay else { return own }
        return rungs.first { $0.delay >= delay } ?? rungs[rungs.count - 1]
    }
}
