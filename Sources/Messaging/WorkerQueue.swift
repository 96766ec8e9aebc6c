public import Domain
import FailPoints
public import Persistence

/// A worker's queue with its bindings, its ladder of delay queues and its parking queue.
public struct WorkerQueue: Sendable, Equatable {
    public let names: BrokerNames
    public let name: String
    public let facts: [MessageType]
    /// Whether it gets every fact, whatever its type. Its consumer tracks its own work: it leaves no inbox rows, and
    /// for the relay a fact that no one else reads can be unroutable.
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

    /// Issues tickets. A cancellation revokes them in its own transaction, so that no gate waits for a queue.
    public static let ticketIssue = WorkerQueue(
        name: "ticket-worker.issue", facts: [.registrationConfirmed, .registrationPromoted], work: [.ticketIssue])
    /// Decides who gets notifications.
    public static let notificationsPlan = WorkerQueue(
        name: "notifications.plan",
        facts: [.ticketIssued, .registrationCancelled, .registrationWaitlisted, .eventUpdated, .eventCancelled],
        work: [.accountMail])
    public static let notificationsMail = WorkerQueue(name: "notifications.mail", work: [.mailSend], ladder: .mail)

    /// Plans mailings, step by step; email previews wait for one step at most.
    public static let notificationsMailings = WorkerQueue(
        name: "notifications.mailings", work: [.mailingPlan, .mailPreview])
    /// Sends one email of a mailing.
    public static let notificationsBulkMail = WorkerQueue(
        name: "notifications.bulkMail", work: [.bulkMailSend], ladder: .mail)

    /// Decides which webhooks a fact is for.
    public static let notificationsWebhooks = WorkerQueue(name: "notifications.webhooks", readsAllFacts: true)

    public static let all = [
        ticketIssue, notificationsPlan, notificationsMail, notificationsMailings, notificationsBulkMail,
        notificationsWebhooks,
    ]

    /// The queue for messages that can't be handled, until an operator replays or discards them.
    public var parked: String { name + ".parked" }

    /// The messages that it must have: its inbox is keyed by the queue's name.
    public var owed: [OwedMessage] {
        facts.map { OwedMessage(destination: .events, type: $0.rawValue, consumer: name) }
            + work.map { OwedMessage(destination: .work, type: $0.rawValue, consumer: name) }
    }

    public func retryQueue(_ rung: RetryLadder.Rung) -> String { "\(name).retry.\(rung.name)" }
}

/// The delays after which a failed message is redelivered, and the number of attempts.
public struct RetryLadder: Sendable, Equatable {
    public struct Rung: Sendable, Equatable {
        /// The suffix of the delay queue's name.
        public let name: String
        public let delay: Duration

        public init(_ name: String, _ delay: Duration) {
            self.name = name
            self.delay = delay
        }
    }

    /// By increasing delay; the last one is repeated.
    public let rungs: [Rung]
    /// Number of attempts before it is parked, including the first.
    public let maximumAttempts: Int

    public init(_ rungs: [Rung], maximumAttempts: Int) {
        precondition(!rungs.isEmpty && maximumAttempts > 0)
        self.rungs = rungs
        self.maximumAttempts = maximumAttempts
    }

    private static let contract = [
        Rung("5s", .seconds(5)), Rung("30s", .seconds(30)), Rung("5m", .seconds(300)), Rung("1h", .seconds(3600)),
    ].map { Rung($0.name, $0.delay * FailPoint.haste) }
    /// Each delay once: over an hour.
    public static let standard = RetryLadder(contract, maximumAttempts: 5)
    /// The last delay repeatedly: mail servers can be down for a day. With the jitter, which shortens each wait by a
    /// tenth on average, 28 hours at the last delay are 25.
    public static let mail = RetryLadder(contract, maximumAttempts: 32)

    /// The delay of a message that was not tried.
    public var postponement: Rung { rungs[min(1, rungs.count - 1)] }

    /// The delay after the failure of attempt number `attempt` (from 1); nil if that was the last one.
    ///
    /// - Parameter delay: the minimum wait, if the failure named one; rounded up to a step of the ladder, at most the
    ///   last.
    public func rung(afterAttempt attempt: Int, atLeast delay: Duration?) -> Rung? {
        guard attempt < maximumAttempts else { return nil }
        let own = rungs[min(max(0, attempt - 1), rungs.count - 1)]
        guard let delay, delay > own.delay else { return own }
        return rungs.first { $0.delay >= delay } ?? rungs[rungs.count - 1]
    }
}
