import Domain
import FoundationEssentials
import Messaging
import Persistence
import Postgres

/// Issues the tickets of confirmed registrations: tickets, their messages and the inbox rows in one transaction.
struct IssueTicket: Sendable {
    static let consumer = "ticket-worker.issue"
    /// A gate's clock may be off, and events run late: a ticket stays valid for a day after the event's end.
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

    /// Handles `em.registration.confirmed`, `em.registration.promoted` and `ticket.issue`. A duplicate message, or a
    /// registration canceled meanwhile, needs nothing.
    func handle(_ message: ReceivedMessage) async throws {
        let request = try IssueRequest(message)
        try await database.transaction { transaction in
            _ = try await tickets.hold([request.registration], waiting: true, on: transaction)
            try await issue(for: [request], on: transaction)
        }
    }

    /// Handles many together, or none if it throws; returns those that are handled. The registrations of the others are
    /// locked elsewhere: they are handled one by one.
    func handleTogether(_ messages: [ReceivedMessage]) async throws -> Set<MessageID> {
        let requests = try messages.map(IssueRequest.init)
        return try await database.transaction { transaction in
            let held = try await tickets.hold(requests.map(\.registration), waiting: false, on: transaction)
            let ours = requests.filter { held.contains($0.registration) }
            try await issue(for: ours, on: transaction)
            return Set(ours.map(\.message))
        }
    }

    private struct IssueRequest {
        let message: MessageID
        let traceparent: String
        let registration: RegistrationID

        init(_ message: ReceivedMessage) throws {
            self.message = message.event.id
            traceparent = message.trace.traceparent
            registration = try message.event.payload(TicketRequestData.self).registrationId
        }
    }

    /// The registrations are locked, by everyone, before the inbox rows.
    private func issue(for requests: [IssueRequest], on transaction: Transaction) async throws {
        guard !requests.isEmpty else { return }
        let fresh = try await inbox.record(requests.map(\.message), consumer: Self.consumer, on: transaction)
        let asked = requests.filter { fresh.contains($0.message) }.map { ($0.registration, $0.traceparent) }
        let traces = Dictionary(asked) { first, _ in first }
        guard !traces.isEmpty else { return }
        let occasions = try await tickets.occasions(for: Array(traces.keys), on: transaction)
        try await store(try occasions.map { try issue($0, traces[$0.registrationID]) }, on: transaction)
    }

    private func issue(_ occasion: TicketStore.Occasion, _ traceparent: String?) throws -> TicketStore.Issue {
        let number = occasion.issued + 1
        let id = TicketID()
        let qrText = try signer.sign(
            id, event: occasion.eventID, issue: number,
            notAfter: occasion.eventEndsAt.addingTimeInterval(Self.validityAfterEnd))
        let ticket = Ticket(
            id: id, eventID: occasion.eventID, registrationID: occasion.registrationID, userID: occasion.userID,
            code: Self.drawCode(), qrText: qrText, status: .valid, issuedAt: clock(), revokedAt: nil, checkedInAt: nil)
        return TicketStore.Issue(ticket, number: number, owner: occasion.ownerID, traceparent: traceparent)
    }

    private func store(_ issues: [TicketStore.Issue], on transaction: Transaction) async throws {
        var open = issues
        // 55 random bits: the second draw is for the unique constraint's sake, not a likely event.
        for _ in 0..<3 {
            open = try await tickets.insert(open, on: transaction)
            if open.isEmpty { return }
            for index in open.indices { open[index].ticket.code = Self.drawCode() }
        }
        throw TicketCodesExhausted()
    }

    private static func drawCode() -> String {
        var generator = SystemRandomNumberGenerator()
        return TicketCode(using: &generator).description
    }
}

/// Three codes in a row were taken: the random number generator is broken.
struct TicketCodesExhausted: Error {}
