import Access
import Crypto
import Domain
import FoundationEssentials
import Messaging
import Persistence
import Postgres
import TestSupport
import Testing

@testable import ticket_worker

@Suite("Issuing tickets")
struct IssueTicketTests {
    @Test(
        "a confirmed registration gets one valid ticket, which its public key verifies, however often it is asked for")
    func issuedOnce() async throws {
        try await TestWorld.run { world in
            let key = SigningKey()
            let issueTicket = IssueTicket(database: world.database, signer: TicketSigner(key: key))
            let event = try await world.event(of: try await world.person(role: .organizer), capacity: 5)
            let registration = try await world.register(try await world.person("Ada"), for: event)
            let message = try message(for: registration)
            // The same message twice at once, and another message for the same registration.
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<4 { group.addTask { try await issueTicket.handle(message) } }
                try await group.waitForAll()
            }
            try await issueTicket.handle(try self.message(for: registration))

            let ticket = try #require(try await world.registrations.find(registration.id)?.ticket)
            let (token, signature) = try #require(TicketToken.parse(ticket.qrText))
            #expect(token.ticketID == ticket.id)
            #expect(token.eventID == event)
            #expect(token.issue == 1)
            #expect(try key.verificationKey.publicKey.isValidSignature(signature, for: token.signedBytes))
            #expect(TicketCode(typed: ticket.code)?.description == ticket.code)
            #expect(try await count("tickets", world) == 1)
            #expect(try await messages(.ticketIssued, world) == 1)
        }
    }

    @Test("many are issued in one transaction, each once and with its own trace; held rows are left over")
    func issuedTogether() async throws {
        try await TestWorld.run { world in
            let issueTicket = IssueTicket(database: world.database, signer: TicketSigner(key: SigningKey()))
            let event = try await world.event(of: try await world.person(role: .organizer), capacity: 50)
            var messages: [ReceivedMessage] = []
            for number in 0..<5 {
                let registration = try await world.register(try await world.person("Guest \(number)"), for: event)
                messages.append(try message(for: registration))
            }
            let left = try await world.register(try await world.person("Ada"), for: event)
            try await cancel(left, world)
            let held = try await world.register(try await world.person("Grace"), for: event)
            // One twice, one cancelled meanwhile, and one whose row somebody is at: nobody waits for that.
            let all = messages + [messages[0], try message(for: left), try message(for: held)]
            let handled = try await world.database.transaction { transaction in
                _ = try await world.tickets.hold([held.id], waiting: true, on: transaction)
                return try await issueTicket.handleTogether(all)
            }
            #expect(handled == Set(all.dropLast().map(\.event.id)))
            #expect(try await count("tickets", world) == 5)
            #expect(try await issueTicket.handleTogether(all) == Set(all.map(\.event.id)))
            #expect(try await count("tickets", world) == 6)
            #expect(try await count("inbox", world) == 7)
            let traces = try await world.database.read(
                "SELECT DISTINCT split_part(traceparent, '-', 2) AS trace FROM outbox WHERE type = 'em.ticket.issued'")
            #expect(
                Set(try traces.map { try $0.decode("trace", as: String.self) })
                    == Set((messages + [all[7]]).map(\.trace.traceID)))
        }
    }

    @Test("who cancelled before the ticket was made gets none, and who comes back gets the next")
    func cancelledBefore() async throws {
        try await TestWorld.run { world in
            let issueTicket = IssueTicket(database: world.database, signer: TicketSigner(key: SigningKey()))
            let event = try await world.event(of: try await world.person(role: .organizer), capacity: 5)
            let ada = try await world.person("Ada")
            let first = try await world.register(ada, for: event)
            try await cancel(first, world)
            try await issueTicket.handle(try message(for: first))
            #expect(try await count("tickets", world) == 0)

            let second = try await world.register(ada, for: event)
            try await issueTicket.handle(try message(for: second))
            #expect(try await world.registrations.find(second.id)?.ticket?.status == .valid)
            try await cancel(second, world)
            #expect(try await world.registrations.find(second.id)?.ticket?.status == .revoked)
            #expect(try await messages(.ticketRevoked, world) == 1)
        }
    }

    @Test("a cancellation beside the issuing leaves no valid ticket, whichever comes first")
    func cancelledMeanwhile() async throws {
        try await TestWorld.run { world in
            let issueTicket = IssueTicket(database: world.database, signer: TicketSigner(key: SigningKey()))
            let event = try await world.event(of: try await world.person(role: .organizer), capacity: 50)
            for number in 0..<20 {
                let registration = try await world.register(try await world.person("Guest \(number)"), for: event)
                let message = try message(for: registration)
                async let issued: Void = issueTicket.handle(message)
                async let cancelled: Void = cancel(registration, world)
                _ = try await (issued, cancelled)
            }
            let valid = try await world.database.read("SELECT 1 FROM tickets WHERE status = 'valid'")
            #expect(valid.isEmpty)
        }
    }

    private func message(for registration: Registration) throws -> ReceivedMessage {
        let data = RegistrationData(
            eventId: registration.eventID, registrationId: registration.id, userId: registration.userID,
            status: .confirmed, places: Places(revision: 1, confirmed: 1, waitlisted: 0, capacity: 5))
        let event = CloudEvent(
            id: MessageID(), type: MessageType.registrationConfirmed.rawValue, subject: "\(registration.eventID)",
            time: Date(), sequence: 1, traceparent: TraceContext().traceparent, data: try WireJSON.encode(data))
        return ReceivedMessage(event: event, attempt: 1, firstSeen: Date(), redelivered: false)
    }

    private func cancel(_ registration: Registration, _ world: TestWorld) async throws {
        _ = try await world.cancel(registration.id, of: registration.eventID)
    }

    private func count(_ table: StaticString, _ world: TestWorld) async throws -> Int {
        let rows = try await world.database.read("SELECT count(*) AS count FROM \(fragment: SQL(stringLiteral: table))")
        return try #require(rows.first).decode("count")
    }

    private func messages(_ type: MessageType, _ world: TestWorld) async throws -> Int {
        let rows = try await world.database.read(
            "SELECT count(*) AS count FROM outbox WHERE type = \(type.rawValue)")
        return try #require(rows.first).decode("count")
    }
}
