import CoreMetrics
import Domain
import FoundationEssentials
import Logging
import Messaging
import Persistence
import Postgres
import SMTP
import FailPoints

/// Sends the email of one notification and records the outcome.
///
/// Claim, send, settle: a worker that sends an email holds a lease on its notification, renewed while the mail server
/// is working, and no transaction. However many messages request the same email, one worker has it at a time. A failed
/// email waits in its row until ``MailingClock`` requeues it; the message is done. What remains is the moment between
/// the server's 250 and the settling: if the worker dies there, the email is sent again when the lease has expired,
/// with the same Message-ID.
struct SendEmail: Sendable {
    static let consumer = "notifications.mail"

    let database: Database
    let notifications: NotificationStore
    let deliveries: DeliveryStore
    let links: AccountLinkStore
    let transfers: TransferStore
    let preferences: PreferenceStore
    let inbox = InboxStore()
    let composer: MailComposer
    let sender: MailSender
    let destinations: DestinationLimiter
    let pace: SendingRate
    let pause: SendingPause
    let ladder: RetryLadder
    let logger: Logger
    var clock: @Sendable () -> Date = { Date() }

    init(
        database: Database, composer: MailComposer, sender: MailSender, destinations: DestinationLimiter,
        pace: SendingRate = SendingRate(mailsPerSecond: nil), pause: SendingPause = SendingPause(isPaused: false),
        ladder: RetryLadder, logger: Logger
    ) {
        self.database = database
        notifications = NotificationStore(database)
        deliveries = DeliveryStore(database)
        links = AccountLinkStore(database)
        transfers = TransferStore(database)
        preferences = PreferenceStore(database)
        self.composer = composer
        self.sender = sender
        self.destinations = destinations
        self.pace = pace
        self.pause = pause
        self.ladder = ladder
        self.logger = logger
    }

    /// Handles `mail.send` and `mail.send.bulk`.
    func handle(_ message: ReceivedMessage) async throws -> Disposition {
        let data = try message.event.payload(NotificationData.self)
        let id = data.notificationId
        // No message names a recipient: that is only in the database.
        let domain = try await notifications.recipientDomain(of: id) ?? ""
        let permit = try await destinations.permit()
        defer { permit.release() }
        guard try await pause.waitUntilOver() else { return .postpone(reason: "sending-paused") }
        try await pace.turn(isBulk: data.kind.isBulk)
        if let outcome = try await destinations.pass(domain, permit, { try await deliver(id, message) }) {
            return outcome
        }
        Counter(label: "em_mails", dimensions: [("outcome", "postponed")]).increment()
        return .postpone(reason: "recipient-domain-busy")
    }

    private func deliver(_ id: NotificationID, _ message: ReceivedMessage) async throws -> Disposition {
        guard
            let lease = try await notifications.lease(
                id, because: message.event.id, consumer: Self.consumer, now: clock())
        else {
            // It is leased, finished or not due: its row has the state.
            return try await had(message)
        }
        do {
            guard let context = try await notifications.load(id), context.notification.status != .sent else {
                try await notifications.release(lease, dueAt: nil)
                return try await had(message)
            }
            if let outcome = try await leftOut(context, lease, message) { return outcome }
            let reply = try await renewing(lease) { try await send(context) }
            return try await accepted(context.notification, reply, message)
        } catch let failure as MailFailure {
            return try await settled { try await settle(lease, failure, message) }
        } catch {
            // Not tried, or not known to be: without a release it would wait for the lease to expire.
            try await settled { try await notifications.release(lease, dueAt: clock()) }
            throw error
        }
    }

    private func had(_ message: ReceivedMessage) async throws -> Disposition {
        _ = try await database.transaction { transaction in
            try await inbox.record(message.event.id, consumer: Self.consumer, on: transaction)
        }
        return .ack
    }

    /// The disposition of an email that is not to be sent; nil if it is.
    private func leftOut(
        _ context: MailContext, _ lease: MailLease, _ message: ReceivedMessage
    ) async throws -> Disposition? {
        let reason = Self.overtaken(context, at: clock())
        guard context.isMuted || reason != nil else { return nil }
        try await database.transaction { transaction in
            _ = try await inbox.record(message.event.id, consumer: Self.consumer, on: transaction)
            if context.isMuted {
                try await notifications.markMuted(lease, at: clock(), on: transaction)
            } else if let reason {
                try await notifications.markOvertaken(lease, reason: reason, at: clock(), on: transaction)
            }
        }
        return .ack
    }

    /// Renews the lease until `body` is done.
    private func renewing<Value: Sendable>(
        _ lease: MailLease, _ body: () async throws -> Value
    ) async throws -> Value {
        async let _: Void = renew(lease)  // canceled when this returns
        return try await body()
    }

    private func renew(_ lease: MailLease) async {
        while true {
            do {
                try await Task.sleep(for: .seconds(NotificationStore.leaseSeconds / 4))
                guard try await notifications.renew(lease, now: clock()) else { return }
            } catch {
                // The database is unreachable for everyone: no one else claims the email either.
                if Task.isCancelled { return }
            }
        }
    }

    /// Records that the server has accepted the email, which is the only option left.
    private func accepted(
        _ notification: Notification, _ reply: String, _ message: ReceivedMessage
    ) async throws -> Disposition {
        try await settled {
            try await database.transaction { transaction in
                _ = try await inbox.record(message.event.id, consumer: Self.consumer, on: transaction)
                if pause.isProbing { try await deliveries.endProbing(now: clock(), on: transaction) }
                try await notifications.commitSent(notification, reply: reply, at: clock(), on: transaction)
            }
        }
        if pause.isProbing { logger.info("mail server accepts emails again") }
        pause.accepted()
        Counter(label: "em_mails", dimensions: [("outcome", "sent")]).increment()
        return .ack
    }

    /// Records the outcome, however long the database is unreachable, even when the service is out of time.
    private func settled<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) async throws -> Value {
        try await Task {
            var pause = Duration.milliseconds(200)
            while true {
                do {
                    return try await body()
                } catch let error as PostgresError where error.isRetriable {
                    logger.warning("email not settled yet", metadata: ["error": "\(error)"])
                    try await Task.sleep(for: pause)
                    pause = min(pause * 2, .seconds(5))
                }
            }
        }.value
    }

    /// - Returns: the mail server's response.
    private func send(_ context: MailContext) async throws -> String {
        let links = MailLinks(
            action: try await link(for: context), unsubscribe: try await unsubscribeToken(for: context))
        do {
            FailPoint.point("mail.sending")
            let mail = try composer.compose(context, links, at: clock())
            let reply = try await traced(context.notification.kind) { try await sender.send(mail) }
            FailPoint.point("mail.taken")
            return reply
        } catch let error as SMTPError {
            if error.kind == .cancelled, !error.outcomeUnknown { throw CancellationError() }
            throw MailFailure(error)
        } catch let error as PostgresError {
            throw error
        } catch {
            if error is CancellationError { throw error }
            // A missing template or QR code, or unreadable details: a retry would not help.
            logger.error("email not composed", metadata: ["error": "\(error)"])
            throw MailFailure(reason: MailError.notComposed.words, meaning: .final)
        }
    }

    private func traced<Reply>(
        _ kind: NotificationKind, _ send: () async throws -> Reply
    ) async throws -> Reply {
        let started = ContinuousClock.now
        func record(hasFailed: Bool) {
            guard let trace = TraceContext.current?.child() else { return }
            Spans.record(
                "send mail", .client, trace, lasting: started.duration(to: .now), hasFailed: hasFailed,
                [("network.protocol.name", "smtp"), ("em.notification.kind", kind.rawValue)])
        }
        do {
            let reply = try await send()
            record(hasFailed: false)
            return reply
        } catch {
            record(hasFailed: true)
            throw error
        }
    }

    /// A link for this attempt, stored hashed before the email is sent: only the email contains its token, and an
    /// earlier attempt's stays valid in case that email arrived after all.
    private func link(for context: MailContext) async throws -> String? {
        if case .event(let matter) = context.matter, let transfer = matter.transfer {
            let token = SecretToken()
            try await transfers.createLink(token.hash, to: transfer.id, now: clock())
            return composer.link("/accept-ticket", token)
        }
        guard let link = context.notification.kind.link else { return nil }
        let token = SecretToken()
        try await links.create(
            token.hash, of: context.notification.userID, for: link.purpose,
            email: link.purpose == .changeEmail ? context.recipientEmail : nil, keepsSignUp: context.isSignUp,
            now: clock())
        return composer.link(link.page, token)
    }

    /// The unsubscribe token for this kind of email, if it has one.
    private func unsubscribeToken(for context: MailContext) async throws -> SecretToken? {
        guard let topic = context.notification.kind.topic, !topic.isMailedAlways else { return nil }
        let token = SecretToken()
        try await preferences.createLink(token.hash, of: context.notification.userID, about: topic, now: clock())
        return token
    }

    private func settle(_ lease: MailLease, _ failure: MailFailure, _ message: ReceivedMessage) async throws
        -> Disposition
    {
        let now = clock()
        let (course, isNewPause) = try await database.transaction { transaction in
            var meaning = failure.meaning
            if meaning == .aboutUs, try await deliveries.isAlone(lease.id, on: transaction) { meaning = .passing }
            let course = Course(failure, meaning, lease, ladder)
            var isNewPause = false
            switch course {
            case .retry(let delay, let isUnknown):
                try await notifications.markRetrying(
                    lease, reason: failure.reason, .passing(isUnknown: isUnknown),
                    nextAttemptAt: now + delay / .seconds(1),
                    at: now, on: transaction)
            case .refusedUs:
                let probe = now + SendingPause.probeInterval / .seconds(1)
                // Another email is tried next: if that one is accepted, this one was the problem.
                try await notifications.markRetrying(
                    lease, reason: failure.reason, .aboutUs,
                    nextAttemptAt: probe + SendingPause.probeInterval / .seconds(1), at: now, on: transaction)
                isNewPause = try await deliveries.pause(
                    because: failure.reason, probingAt: probe, now: now, on: transaction)
            case .giveUp, .exhausted:
                try await notifications.markFailed(lease, reason: failure.reason, at: now, on: transaction)
            }
            // An exhausted one is parked, and can be replayed with its id.
            if course != .exhausted {
                _ = try await inbox.record(message.event.id, consumer: Self.consumer, on: transaction)
            }
            return (course, isNewPause)
        }
        if course == .refusedUs { pause.refused() }
        if isNewPause { logger.error("mail server rejects us, sending paused", metadata: failure.facts) }
        Counter(label: "em_mails", dimensions: [("outcome", course.label)]).increment()
        logger.warning(
            "email not sent",
            metadata: failure.facts.merging([
                "notification_id": "\(lease.id)", "outcome": "\(course.label)", "attempt": "\(lease.tries + 1)",
            ]) { $1 })
        return course == .exhausted ? .park(reason: "mail-\(failure.code.map(String.init) ?? "undelivered")") : .ack
    }

    /// Why an email would be outdated; the email about the newer state is sent on its own.
    static func overtaken(_ context: MailContext, at now: Date) -> String? {
        let isOvertaken =
            switch context.matter {
            case .event(let matter):
                isOvertaken(context.notification.kind, matter, at: now)
                    || matter.transfer.map { $0.status != .offered } ?? false
            case .subscription: false
            case .account(let isVerified, _): context.notification.kind == .accountVerifyEmail && isVerified
            }
        return isOvertaken ? MailError.outdated.words : nil
    }

    private static func isOvertaken(
        _ kind: NotificationKind, _ matter: MailContext.EventMatter, at now: Date
    ) -> Bool {
        let status = matter.registration?.status
        return switch kind {
        case .registrationConfirmed, .registrationPromoted:
            status != .confirmed || matter.ticket?.status != .valid
        case .registrationWaitlisted: status != .waitlisted
        case .eventUpdated: status == .cancelled || matter.event.storedStatus == .cancelled
        case .announcement: status == .cancelled
        case .eventReminder:
            status != .confirmed || matter.event.storedStatus == .cancelled || isUntimely(matter, at: now)
        // Removed from the team again.
        case .memberAdded: matter.role == nil
        default: false
        }
    }
}

extension MailContext {
    /// Whether sign-up caused the email.
    fileprivate var isSignUp: Bool {
        if case .account(_, let isSignUp) = matter { isSignUp } else { false }
    }
}

/// Whether a reminder is too late, or so early that it will be repeated: the event was moved.
private func isUntimely(_ matter: MailContext.EventMatter, at now: Date) -> Bool {
    let startsIn = matter.event.details.startsAt.timeIntervalSince(now)
    guard startsIn > 0 else { return true }
    guard let lead = matter.reminder?.seconds else { return false }
    return startsIn - lead > 86_400
}

private struct MailFailure: Error {
    /// Shown to the person.
    var reason: String
    var code: Int?
    var meaning: SMTPError.Meaning
    /// The email may have arrived.
    var isUnknown = false

    init(reason: String, meaning: SMTPError.Meaning) {
        self.reason = reason
        self.meaning = meaning
    }

    init(_ error: SMTPError) {
        self.init(reason: error.reason, meaning: error.meaning)
        code = error.code
        isUnknown = error.outcomeUnknown
    }

    /// For the log.
    var facts: Logger.Metadata { ["code": "\(code.map(String.init) ?? "none")"] }
}

/// The course after a failed attempt.
private enum Course: Equatable {
    case retry(after: Duration, isUnknown: Bool)
    /// Sending is paused; the email is retried afterwards.
    case refusedUs
    /// It will never succeed.
    case giveUp
    /// Its attempts are used up.
    case exhausted

    /// After an attempt of unknown outcome the email has probably arrived: each retry makes a duplicate more likely.
    private static let unknown: [Duration] = [.seconds(900), .seconds(4 * 3600), .seconds(12 * 3600)]

    init(_ failure: MailFailure, _ meaning: SMTPError.Meaning, _ lease: MailLease, _ ladder: RetryLadder) {
        switch meaning {
        case .aboutUs: self = .refusedUs
        case .final: self = .giveUp
        case .passing where failure.isUnknown:
            self =
                lease.unknownTries < Self.unknown.count
                ? .retry(after: Self.unknown[lease.unknownTries] * FailPoint.haste, isUnknown: true) : .exhausted
        case .passing:
            self =
                ladder.rung(afterAttempt: lease.tries + 1, atLeast: nil).map {
                    // Jitter for simultaneous failures.
                    .retry(after: $0.delay * Double.random(in: 0.8...1), isUnknown: false)
                } ?? .exhausted
        }
    }

    /// For metrics and the log.
    var label: String {
        switch self {
        case .retry(_, let isUnknown): isUnknown ? "unknown" : "retry"
        case .refusedUs: "refused-us"
        case .giveUp: "refused"
        case .exhausted: "exhausted"
        }
    }
}

extension SMTPError {
    /// Shown to the person: the server's response if there is one, otherwise what happened.
    fileprivate var reason: String {
        if let serverText, code ?? 0 >= 400 { return serverText }
        let error: MailError =
            switch kind {
            case .rejected: .rejected
            case .authentication: .credentialsRejected
            case .unreachable: .serverUnreachable
            case .timedOut: .timedOut
            case .connectionLost: .connectionLost
            case .tls: .tlsFailed
            case .invalidMessage: .invalidMessage
            case .invalidAddress, .overloaded, .cancelled, .library: .notSent
            }
        return error.words
    }
}
