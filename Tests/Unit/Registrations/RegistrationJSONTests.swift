import Domain
import FoundationEssentials
import Testing

@testable import api_service

@Suite("A registration as JSON")
struct RegistrationJSONTests {
    @Test("has every member, null where there is nothing, whatever people write in it")
    func members() throws {
        let now = Date(timeIntervalSince1970: 1_800_000_000.125)
        var registration = Registration(
            id: RegistrationID(), eventID: EventID(), userID: UserID(), status: .confirmed, position: nil,
            createdAt: now, confirmedAt: now, cancelledAt: nil)
        let start = #"{"cancellationReason":"#
        let ids = #""eventId":"\#(registration.eventID)","id":"\#(registration.id)","#
        let time = #""2027-01-15T08:00:00.125Z""#
        let end = #","userId":"\#(registration.userID)"}"#
        #expect(
            try text(RegistrationJSON(registration))
                == start + #"null,"cancelledAt":null,"checkedInAt":null,"confirmedAt":\#(time),"createdAt":\#(time),"#
                + ids
                + #""position":null,"status":"confirmed","ticket":null"# + end)
        registration.status = .cancelled
        registration.position = 3
        registration.confirmedAt = nil
        registration.cancelledAt = now
        registration.cancellationReason = "\"quoted\" \\ / \n\t\u{1} ünïcode 🎟"
        let ticket = Ticket(
            id: TicketID(), eventID: registration.eventID, registrationID: registration.id,
            userID: registration.userID, code: "ABCD", qrText: "EM1:X", status: .valid, issuedAt: now, revokedAt: nil,
            checkedInAt: now)
        #expect(
            try text(RegistrationJSON(registration, ticket: ticket))
                == start + #""\"quoted\" \\ / \n\t\u0001 ünïcode 🎟","cancelledAt":\#(time),"checkedInAt":\#(time),"#
                + #""confirmedAt":null,"createdAt":\#(time),"# + ids
                + #""position":3,"status":"cancelled","ticket":"# + text(TicketJSON(ticket)) + end)
    }

    private func text(_ json: some Encodable) throws -> String {
        String(decoding: try WireJSON.encode(json), as: UTF8.self)
    }
}
