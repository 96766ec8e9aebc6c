import Domain
import FoundationEssentials
import Messaging
import Persistence
import Postgres

/// Decides who is owed a mail because of a fact or a wish, and writes it down: the notifications, the jobs that send them and the
/// inbox row in one transaction.
struct PlanNotifications: Sendable {
    static let consumer = "notifications.plan"

    let database: Database
    let notifications: NotificationStore
    let inbox = InboxStore()
    var clock: @Sendable () -> Date = { Date() }

    init(database: Database) {
        self.database = database
        notifications = NotificationStore(database)
    }

    /// Handles the facts that ``MessageType`` names, and `account.mail`; a message seen before plans nothing again.
    func handle(_ message: CloudEvent) async throws {
        try await database.transaction { transaction in
            guard try await inbox.record(message.id, consumer: Self.consumer, on: transaction) else { return }
            if WorkType(rawValue: message.type) == .accountMail {
                let asked = try message.payload(AccountMailData.self)
                return try await notifications.planAccountMail(
                    asked.kind, to: asked.userId, cause: message.id, now: clock(), on: transaction)
            }
            let owed = try await owed(because: message, on: transaction)
            try await notifications.plan(owed, cause: message.id, on: transaction)
        }
    }

    private func owed(
        because message: CloudEvent, on transaction: Transaction
    ) async throws -> [PlannedNotification] {
        switch MessageType(rawValue: message.type) {
        case .ticketIssued: [try await confirmation(message.payload(TicketData.self), on: transaction)]
        case .registrationWaitlisted: [Self.registration(try message.payload(), .registrationWaitlisted)]
        case .registrationCancelled: [Self.registration(try message.payload(), .registrationCancelled)]
        case .eventUpdated: try await change(message.payload(EventData.self), on: transaction)
        case .eventCancelled:
            try await everyone(in: message.payload(EventData.self).eventId, .eventCancelled, on: transaction)
        // A confirmation is written to once its ticket is there, since the mail is the ticket.
        default: []
        }
    }

    private func confirmation(
        _ ticket: TicketData, on transaction: Transaction
    ) async throws -> PlannedNotification {
        let wasPromoted = try await notifications.wasPromoted(ticket.registrationId, on: transaction)
        return PlannedNotification(
            userID: ticket.userId, eventID: ticket.eventId, registrationID: ticket.registrationId,
            ticketID: ticket.ticketId, kind: wasPromoted ? .registrationPromoted : .registrationConfirmed)
    }

    private static func registration(_ data: RegistrationData, _ kind: NotificationKind) -> PlannedNotification {
        PlannedNotification(
            userID: data.userId, eventID: data.eventId, registrationID: data.registrationId, ticketID: nil, kind: kind)
    }

    private func change(
        _ data: EventData, on transaction: Transaction
    ) async throws -> [PlannedNotification] {
        let changes = AttendeeChanges.relevant(data.changes ?? [])
        guard !changes.isEmpty else { return [] }
        let details = try WireJSON.encode(changes)
        return try await everyone(in: data.eventId, .eventUpdated, details: details, on: transaction)
    }

    private func everyone(
        in event: EventID, _ kind: NotificationKind, details: [UInt8]? = nil, on transaction: Transaction
    ) async throws -> [PlannedNotification] {
        try await notifications.audience(of: event, on: transaction).map { person in
            PlannedNotification(
                userID: person.userID, eventID: event, registrationID: person.registrationID, ticketID: nil,
                kind: kind, details: details)
        }
    }
}

extension CloudEvent {
    fileprivate func payload<Payload: Decodable>() throws -> Payload { try payload(Payload.self) }
}
