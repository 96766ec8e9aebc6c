import Domain
import FoundationEssentials
import QRCode
import Testing

@testable import api_service

@Suite("Pictures of tickets")
struct TicketPicturesTests {
    private func ticket(_ number: Int = 0) -> Ticket {
        Ticket(
            id: TicketID(), eventID: EventID(), registrationID: RegistrationID(), userID: UserID(),
            code: "7K3M-Q9XT-2VHD", qrText: "EM1:\(number)", status: .valid, issuedAt: Date(), revokedAt: nil,
            checkedInAt: nil)
    }

    @Test("A picture is drawn once and kept, each format for itself")
    func kept() throws {
        let pictures = TicketPictures()
        var ticket = ticket()
        let symbol = try QRSymbol(text: ticket.qrText)
        #expect(try pictures.picture(.png, of: ticket) == symbol.png(modulePixels: 8))
        ticket.qrText = ""  // can't be drawn
        #expect(try pictures.picture(.png, of: ticket) == symbol.png(modulePixels: 8))
        #expect(throws: QRSymbolError.empty) { try pictures.picture(.svg, of: ticket) }
    }

    @Test("What is kept stays within its room; what is used stays")
    func bounded() throws {
        let one = try TicketPictures().picture(.svg, of: ticket()).count
        let pictures = TicketPictures(maximumBytes: 20 * one)
        var favourite = ticket()
        _ = try pictures.picture(.svg, of: favourite)
        favourite.qrText = ""
        for number in 1...200 {
            _ = try pictures.picture(.svg, of: ticket(number))
            #expect(throws: Never.self) { try pictures.picture(.svg, of: favourite) }
            #expect(pictures.bytes <= 22 * one)
        }
    }
}
