import Domain
import FoundationEssentials
import Persistence

/// A registration as its owner sees it.
struct RegistrationJSON: Encodable {
    var id: RegistrationID
    var eventId: EventID
    var userId: UserID
    var status: RegistrationStatus
    @Nullable var position: Int?
    var createdAt: Date
    @Nullable var confirmedAt: Date?
    @Nullable var cancelledAt: Date?
    @Nullable var cancellationReason: String?
    @Nullable var checkedInAt: Date?
    @Nullable var ticket: TicketJSON?
    /// Only in lists and on the registration's own address.
    var event: EventSummaryJSON?

    init(_ registration: Registration, ticket: Ticket? = nil, event: EventSummaryJSON? = nil) {
        id = registration.id
        eventId = registration.eventID
        userId = registration.userID
        status = registration.status
        position = registration.position
        createdAt = registration.createdAt
        confirmedAt = registration.confirmedAt
        cancelledAt = registration.cancelledAt
        cancellationReason = registration.cancellationReason
        checkedInAt = ticket?.checkedInAt
        self.ticket = ticket.map(TicketJSON.init)
        self.event = event
    }

    init(_ detail: RegistrationDetail, now: Date) {
        self.init(
            detail.registration, ticket: detail.ticket, event: EventSummaryJSON(detail.event, now: now))
    }
}

struct TicketJSON: Encodable {
    var id: TicketID
    var code: String
    var eventId: EventID
    var registrationId: RegistrationID
    var status: TicketStatus
    var issuedAt: Date
    var qrText: String
    @Nullable var checkedInAt: Date?

    init(_ ticket: Ticket) {
        id = ticket.id
        code = ticket.code
        eventId = ticket.eventID
        registrationId = ticket.registrationID
        status = ticket.status
        issuedAt = ticket.issuedAt
        qrText = ticket.qrText
        checkedInAt = ticket.checkedInAt
    }
}

/// A ticket transfer that the holder offered.
struct TransferJSON: Encodable {
    var ticketId: TicketID
    var email: String
    var status: String
    var expiresAt: Date

    init(_ transfer: TicketTransfer) {
        ticketId = transfer.ticketID
        email = transfer.recipientEmail
        status = transfer.status.rawValue
        expiresAt = transfer.expiresAt
    }
}

/// A ticket as its holder sees it. Only the holder sees to whom they offered it.
struct HeldTicketJSON: Encodable {
    var ticket: TicketJSON
    @Nullable var transfer: TransferJSON?

    func encode(to encoder: any Encoder) throws {
        try ticket.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(transfer, forKey: .transfer)
    }

    private enum CodingKeys: CodingKey { case transfer }
}

/// A registration as the organizer sees it.
struct AttendeeJSON: Encodable {
    struct Person: Encodable {
        var id: UserID
        var displayName: String
        var email: String
    }

    struct TicketSummary: Encodable {
        var id: TicketID
        var code: String
        var status: TicketStatus
    }

    var id: RegistrationID
    var status: RegistrationStatus
    @Nullable var position: Int?
    var createdAt: Date
    var attendee: Person
    @Nullable var ticket: TicketSummary?
    @Nullable var checkedInAt: Date?

    init(_ attendee: Attendee) {
        let registration = attendee.registration
        id = registration.id
        status = registration.status
        position = registration.position
        createdAt = registration.createdAt
        self.attendee = Person(id: registration.userID, displayName: attendee.displayName, email: attendee.email)
        ticket = attendee.ticket.map { TicketSummary(id: $0.id, code: $0.code, status: $0.status) }
        checkedInAt = attendee.ticket?.checkedInAt
    }
}
