import Domain
import FoundationEssentials
import Persistence
import Postgres

/// Issues the ticket of a confirmed registration: ticket, its message and the inbox row in one transaction.
struct IssueTicket: Sendable {
    static let consumer = "ticket-worker.issue"
    /// A gate's clock may be off, and doors close late: a ticket stays good for a day after the event's end.
    static let validityAfterEnd: TimeInterval = 86_400

    let database: Database
    let signer: TicketSigner
    let tickets: TicketStore
    let inbox = InboxStore()
    var clock: @Sendable () -> Date = { Date() }

    init(database: Database, signer: TicketSigner) {
        self.database = database
        self.signer = signer
        tickets = TicketStore(database)
    }

    /// Handles `em.registration.confirmed` and `em.registration.promoted`. A message seen before, or a registration
    /// cancelled meanwhile, needs nothing.
    func handle(_ message: CloudEvent) async throws {
        let registration = try message.payload(RegistrationData.self).registrationId
        try await database.transaction { transaction in
            guard try await inbox.record(message.id, consumer: Self.consumer, on: transaction),
                let occasion = try await tickets.occasion(for: registration, on: transaction)
            else { return }
            try await issue(for: occasion, on: transaction)
        }
    }

    private func issue(for occasion: TicketStore.Occasion, on transaction: Transaction) async throws {
        let issue = try await tickets.issueCount(of: occasion.registrationID, on: transaction) + 1
        let id = TicketID()
        let qrText = try signer.sign(
            id, event: occasion.eventID, issue: issue,
            notAfter: occasion.eventEndsAt.addingTimeInterval(Self.validityAfterEnd))
        var generator = SystemRandomNumberGenerator()
        // 55 random bits: a second draw is for the unique constraint's sake, not for chance's.
        for _ in 0..<3 {
            let ticket = Ticket(
                id: id, eventID: occasion.eventID, registrationID: occasion.registrationID, userID: occasion.userID,
                code: TicketCode(using: &generator).description, qrText: qrText, status: .valid, issuedAt: clock(),
                revokedAt: nil, checkedInAt: nil)
            if try await tickets.insert(ticket, issue: issue, owner: occasion.ownerID, on: transaction) { return }
        }
        throw TicketCodesExhausted()
    }
}

/// Three codes in a row were taken: something is wrong with the random numbers.
struct TicketCodesExhausted: Error {}
