import Domain
import FoundationEssentials
import Testing

@testable import api_service

@Suite("A registration as JSON")
struct RegistrationJSONTests {
    @Test("is what the encoder would write, whatever people write in it")
    func ownWriting() throws {
        let now = Date(timeIntervalSince1970: 1_800_000_000.125)
        var registration = Registration(
            id: RegistrationID(), eventID: EventID(), userID: UserID(), status: .confirmed, position: nil,
            createdAt: now, confirmedAt: now, cancelledAt: nil)
        try check(RegistrationJSON(registration))
        registration.status = .cancelled
        registration.position = 3
        registration.confirmedAt = nil
        registration.cancelledAt = now
        registration.cancellationReason = "\"quoted\" \\ / \n\t\u{1} ünïcode 🎟"
        let ticket = Ticket(
            id: TicketID(), eventID: registration.eventID, registrationID: registration.id,
            userID: registration.userID, code: "ABCD", qrText: "EM1:X", status: .valid, issuedAt: now, revokedAt: nil,
            checkedInAt: now)
        try check(RegistrationJSON(registration, ticket: ticket))
    }

    /// In an array it is the encoder that writes.
    private func check(_ json: RegistrationJSON) throws {
        #expect(
            try "[" + String(decoding: WireJSON.encode(json), as: UTF8.self) + "]"
                == String(decoding: WireJSON.encode([json]), as: UTF8.self))
    }
}
