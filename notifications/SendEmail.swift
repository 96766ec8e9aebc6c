import CoreMetrics
import Domain
import FoundationEssentials
import Logging
import Messaging
import Persistence
import Postgres
import SMTP
import FailPoints

/// Sends the mail of one notification and writes down how it went.
///
/// The inbox row comes first and is held, uncommitted, while the mail is handed over: a second delivery of the same
/// message waits for it, so that two workers never send the same mail side by side. The price is a database connection
/// for each mail that is on its way; both are bounded by ``NotificationsSettings/mailConnections``. What remains is the
/// moment between the server's 250 and the commit: a worker that dies there sends the mail again, with the same
/// Message-ID.
struct SendEmail: Sendable {
    static let consumer = "notifications.mail"

    let database: Database
    let notifications: NotificationStore
    let links: AccountLinkStore
    let transfers: TransferStore
    let preferences: PreferenceStore
    let inbox = InboxStore()
    let composer: MailComposer
    let sender: MailSender
    let lanes: RecipientLanes
    let pace: SendingPace
    let pause: SendingPause
    let ladder: RetryLadder
    let logger: Logger
    var clock: @Sendable () -> Date = { Date() }

    init(
        database: Database, composer: MailComposer, sender: MailSender, lanes: RecipientLanes,
        pace: SendingPace = SendingPace(mailsPerSecond: nil), pause: SendingPause = SendingPause(isPaused: false),
        ladder: RetryLadder, logger: Logger
    ) {
        self.database = database
        notifications = NotificationStore(database)
        links = AccountLinkStore(database)
        transfers = TransferStore(database)
        preferences = PreferenceStore(database)
        self.composer = composer
        self.sender = sender
        self.lanes = lanes
        self.pace = pace
        self.pause = pause
        self.ladder = ladder
        self.logger = logger
    }

    /// Handles `mail.send` and `mail.send.bulk`.
    func handle(_ message: ReceivedMessage) async throws -> Outcome {
        let data = try message.event.payload(NotificationData.self)
        let id = data.notificationId
        // No message names a recipient: that stands in the database alone.
        let domain = try await notifications.recipientDomain(of: id) ?? ""
        guard try await pause.waitUntilOver() else { return .postpone(reason: "sending-paused") }
        try await pace.turn(isBulk: data.kind.isBulk)
        if let outcome = try await lanes.pass(domain, { try await deliver(id, message) }) { return outcome }
        Counter(label: "em_mails", dimensions: [("outcome", "postponed")]).increment()
        return .postpone(reason: "recipient-domain-busy")
    }

    private func deliver(_ id: NotificationID, _ message: ReceivedMessage) async throws -> Outcome {
        var sent: (notification: Notification, reply: String)?
        do {
            try await database.transaction { transaction in
                guard try await inbox.record(message.event.id, consumer: Self.consumer, on: transaction),
                    let context = try await notifications.load(id), context.notification.status != .sent
                else { return }
                if context.isMuted { return try await notifications.markMuted(id, at: clock(), on: transaction) }
                if let reason = Self.overtaken(context, at: clock()) {
                    return try await notifications.markOvertaken(id, reason: reason, at: clock(), on: transaction)
                }
                // The transaction may run again after a deadlock; the mail must not.
                let reply: String
                if let sent { reply = sent.reply } else { reply = try await send(context) }
                sent = (context.notification, reply)
                try await notifications.commitSent(
                    context.notification, reply: reply, at: clock(), on: transaction)
            }
        } catch {
            if let sent {
                logger.warning("mail sent, not yet recorded", metadata: ["error": "\(error)"])
                try await recordSent(sent.notification, reply: sent.reply, because: message.event.id)
            } else if let failure = error as? MailFailure {
                return try await settle(id, failure, message)
            } else {
                throw error
            }
        }
        if sent != nil { Counter(label: "em_mails", dimensions: [("outcome", "sent")]).increment() }
        return .done
    }

    /// - Returns: what the mail server said.
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
            if error.kind == .cancelled { throw CancellationError() }
            throw MailFailure(reason: error.reason, code: error.code, isRetriable: error.isRetriable)
        } catch {
            // No template, no QR code, unreadable details: it will not be better next time.
            logger.error("mail not composed", metadata: ["error": "\(error)"])
            throw MailFailure(reason: "the mail could not be composed", code: nil, isRetriable: false)
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

    /// A link of this attempt's own, stored hashed before the mail is on its way: nothing but the mail holds its token,
    /// and an earlier attempt's stays good in case that mail arrived after all.
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

    /// What ends mails of this kind, where they can be ended.
    private func unsubscribeToken(for context: MailContext) async throws -> SecretToken? {
        guard let topic = context.notification.kind.topic, !topic.isMailedAlways else { return nil }
        let token = SecretToken()
        try await preferences.createLink(token.hash, of: context.notification.userID, about: topic, now: clock())
        return token
    }

    /// The server has the mail: nothing else will do than to write that down, however long the database is away.
    private func recordSent(_ sent: Notification, reply: String, because message: MessageID) async throws {
        var pause = Duration.milliseconds(200)
        while true {
            do {
                return try await database.transaction { transaction in
                    _ = try await inbox.record(message, consumer: Self.consumer, on: transaction)
                    try await notifications.commitSent(sent, reply: reply, at: clock(), on: transaction)
                }
            } catch let error as PostgresError where error.isRetriable {
                try await Task.sleep(for: pause)
                pause = min(pause * 2, .seconds(5))
            }
        }
    }

    private func settle(
        _ id: NotificationID, _ failure: MailFailure, _ message: ReceivedMessage
    ) async throws -> Outcome {
        let rung = failure.isRetriable ? ladder.rung(afterAttempt: message.attempt, atLeast: nil) : nil
        let outcome = rung != nil ? "retry" : failure.isRetriable ? "exhausted" : "refused"
        Counter(label: "em_mails", dimensions: [("outcome", outcome)]).increment()
        logger.warning(
            "mail not sent",
            metadata: [
                "notification_id": "\(id)", "outcome": "\(outcome)", "attempt": "\(message.attempt)",
                "code": "\(failure.code.map(String.init) ?? "none")",
            ])
        try await database.transaction { transaction in
            if let rung {
                let next = clock().addingTimeInterval(rung.delay / .seconds(1))
                try await notifications.markRetrying(
                    id, reason: failure.reason, nextAttemptAt: next, at: clock(), on: transaction)
            } else {
                try await notifications.markFailed(id, reason: failure.reason, at: clock(), on: transaction)
                // Refused for good: settled. One that ran out of attempts is parked, and may be replayed under its id.
                if !failure.isRetriable {
                    _ = try await inbox.record(message.event.id, consumer: Self.consumer, on: transaction)
                }
            }
        }
        return failure.isRetriable ? .retry(reason: "mail-\(failure.code.map(String.init) ?? "undelivered")") : .done
    }

    /// Why a mail would tell something that is no longer so; the mail about what happened since comes by itself.
    static func overtaken(_ context: MailContext, at now: Date) -> String? {
        let isOvertaken =
            switch context.matter {
            case .event(let matter):
                isOvertaken(context.notification.kind, matter, at: now)
                    || matter.transfer.map { $0.status != .offered } ?? false
            case .subscription: false
            case .account(let isVerified, _): context.notification.kind == .accountVerifyEmail && isVerified
            }
        return isOvertaken ? "not sent: overtaken by a later change" : nil
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
        // Taken out of the team again.
        case .memberAdded: matter.role == nil
        default: false
        }
    }
}

extension MailContext {
    /// Whether signing up caused the mail.
    fileprivate var isSignUp: Bool {
        if case .account(_, let isSignUp) = matter { isSignUp } else { false }
    }
}

/// Whether a reminder comes too late, or so early that it will come again: the event was moved.
private func isUntimely(_ matter: MailContext.EventMatter, at now: Date) -> Bool {
    let startsIn = matter.event.details.startsAt.timeIntervalSince(now)
    guard startsIn > 0 else { return true }
    guard let lead = matter.reminder?.seconds else { return false }
    return startsIn - lead > 86_400
}

/// One attempt that came to nothing.
private struct MailFailure: Error {
    /// For the person's own records.
    var reason: String
    var code: Int?
    var isRetriable: Bool
}

extension SMTPError {
    /// For the person's own records: the server's words if there are any, else what happened.
    fileprivate var reason: String {
        if let serverText, code ?? 0 >= 400 { return serverText }
        return switch kind {
        case .rejected: "refused by the mail server"
        case .authentication: "the mail server refused our credentials"
        case .unreachable: "the mail server is unreachable"
        case .timedOut: "the mail server did not answer in time"
        case .connectionLost: "the connection to the mail server was lost"
        case .tls: "no secure connection to the mail server"
        case .invalidMessage(let field): "the mail could not be written: \(field)"
        case .invalidAddress, .overloaded, .cancelled, .library: "the mail could not be handed over"
        }
    }
}
