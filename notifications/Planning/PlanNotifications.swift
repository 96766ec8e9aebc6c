import Domain
import FoundationEssentials
import Messaging
import Persistence
import Postgres

/// Decides who gets an email because of a fact or a request, and stores that: the notifications, the jobs that send
/// them and the inbox row in one transaction.
struct PlanNotifications: Sendable {
    static let consumer = "notifications.plan"

    let database: Database
    let notifications: NotificationStore
    let mailings: MailingStore
    let inbox = InboxStore()
    var clock: @Sendable () -> Date = { Date() }

    init(database: Database) {
        self.database = database
        notifications = NotificationStore(database)
        mailings = MailingStore(database)
    }

    /// Handles the facts that ``MessageType`` names, and `account.mail`; a duplicate message plans nothing.
    func handle(_ message: CloudEvent) async throws {
        try await database.transaction { transaction in
            guard try await inbox.record(message.id, consumer: Self.consumer, on: transaction) else { return }
            if WorkType(rawValue: message.type) == .accountMail {
                let asked = try message.payload(AccountMailData.self)
                return try await notifications.planAccountMail(
                    asked.kind, to: asked.userId, isSignUp: asked.isSignUp ?? false, cause: message.id, now: clock(),
                    on: transaction)
            }
            if [MessageType.eventUpdated, .eventCancelled].contains(MessageType(rawValue: message.type)) {
                return try await beginMailing(because: message, on: transaction)
            }
            let owed = try await owed(because: message, on: transaction)
            try await notifications.plan(owed, cause: message.id, on: transaction)
        }
    }

    /// Handles facts about single people together, or none if it throws; returns those that are handled. Facts that
    /// concern all of an event's people are left to be handled individually.
    func handleTogether(_ messages: [ReceivedMessage]) async throws -> Set<MessageID> {
        let requests = try messages.compactMap(PersonalRequest.init)
        guard !requests.isEmpty else { return [] }
        return try await database.transaction { transaction in
            let ids = requests.map(\.cause)
            let fresh = try await inbox.record(ids, consumer: Self.consumer, on: transaction)
            // A duplicate within the batch.
            var open = fresh
            let owed = requests.filter { open.remove($0.cause) != nil }
            let promoted = try await notifications.promoted(owed.compactMap(\.confirmed), on: transaction)
            try await notifications.plan(owed.map { ($0.cause, $0.traceparent, $0.mail(promoted)) }, on: transaction)
            return Set(ids)
        }
    }

    private func owed(
        because message: CloudEvent, on transaction: Transaction
    ) async throws -> [PlannedNotification] {
        switch MessageType(rawValue: message.type) {
        case .ticketIssued:
            let ticket = try message.payload(TicketData.self)
            let promoted = try await notifications.promoted([ticket.registrationId], on: transaction)
            return [PlannedNotification.confirmation(ticket, promoted)]
        case .registrationWaitlisted: return [.registration(try message.payload(), .registrationWaitlisted)]
        case .registrationCancelled: return [.registration(try message.payload(), .registrationCancelled)]
        // The confirmation email waits for the ticket, because it contains it.
        default: return []
        }
    }

    /// Starts a mailing for a message that concerns all of an event's people, with the message's id.
    private func beginMailing(because message: CloudEvent, on transaction: Transaction) async throws {
        let data = try message.payload(EventData.self)
        let isCancelled = data.status == .cancelled
        let changes = AttendeeChanges.relevant(data.changes ?? [])
        guard isCancelled || !changes.isEmpty else { return }
        try await mailings.begin(
            MailingID(message.id.uuid), about: data.eventId, isCancelled ? .eventCancelled : .eventUpdated,
            details: isCancelled ? nil : try WireJSON.encode(changes), now: clock(), on: transaction)
    }
}

/// The request of one message about one person.
private struct PersonalRequest {
    let cause: MessageID
    let traceparent: String
    /// For an issued ticket, its registration: whether it was promoted decides the email's wording.
    let confirmed: RegistrationID?
    let mail: @Sendable (_ promoted: Set<RegistrationID>) -> PlannedNotification

    /// Nil for messages about several people, or none.
    init?(_ message: ReceivedMessage) throws {
        cause = message.event.id
        traceparent = message.trace.traceparent
        switch MessageType(rawValue: message.event.type) {
        case .ticketIssued:
            let ticket = try message.event.payload(TicketData.self)
            confirmed = ticket.registrationId
            mail = { .confirmation(ticket, $0) }
        case .registrationWaitlisted, .registrationCancelled:
            let isCancelled = MessageType(rawValue: message.event.type) == .registrationCancelled
            let planned = PlannedNotification.registration(
                try message.event.payload(), isCancelled ? .registrationCancelled : .registrationWaitlisted)
            confirmed = nil
            mail = { _ in planned }
        default: return nil
        }
    }
}

extension PlannedNotification {
    fileprivate static func confirmation(_ ticket: TicketData, _ promoted: Set<RegistrationID>) -> PlannedNotification {
        PlannedNotification(
            userID: ticket.userId, eventID: ticket.eventId, registrationID: ticket.registrationId,
            ticketID: ticket.ticketId,
            kind: promoted.contains(ticket.registrationId) ? .registrationPromoted : .registrationConfirmed)
    }

    fileprivate static func registration(_ data: RegistrationData, _ kind: NotificationKind) -> PlannedNotification {
        PlannedNotification(
            userID: data.userId, eventID: data.eventId, registrationID: data.registrationId, ticketID: nil, kind: kind)
    }
}

extension CloudEvent {
    fileprivate func payload<Payload: Decodable>() throws -> Payload { try payload(Payload.self) }
}
