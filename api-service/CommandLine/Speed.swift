import Access
import ArgumentParser
import Crypto
import Domain
import FoundationEssentials
import Persistence
import QRCode

/// The number of tickets and PDF pages that one core generates per second, without database and network. For benchmarks
/// and capacity planning.
struct Speed: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract:
            "Measure how many tickets (signed, with QR code, SVG and PNG) and PDF pages a core generates per second.")

    @Option(help: "Duration of each measurement, in seconds.") var seconds: Double = 2

    func run() async throws {
        let key = SigningKey()
        let tickets = try measure { try Self.makeTicket(key) }
        let pages = try measure { _ = try Self.page(code: "7K3M-Q9XT-2VHD", qrText: Self.signed(key)).document() }
        print(#"{"ticketsPerSecond":\#(Int(tickets)),"pagesPerSecond":\#(Int(pages))}"#)
    }

    /// Nothing else runs in this process: blocking the thread is fine.
    private func measure(_ work: () throws -> Void) rethrows -> Double {
        try work()  // loads fonts and tables
        let began = ContinuousClock.now
        var count = 0
        while ContinuousClock.now - began < .seconds(seconds) {
            try work()
            count += 1
        }
        return Double(count) / ((ContinuousClock.now - began) / .seconds(1))
    }

    private static func signed(_ key: SigningKey) throws -> String {
        let token = TicketToken(
            keyID: key.verificationKey.shortID, ticketID: TicketID(), eventID: EventID(), notAfter: Date())
        return token.text(signature: Array(try key.privateKey.signature(for: token.signedBytes)))
    }

    private static func makeTicket(_ key: SigningKey) throws {
        let symbol = try QRSymbol(text: try signed(key))
        precondition(!symbol.svg(title: "Ticket 7K3M-Q9XT-2VHD").isEmpty && !symbol.png(modulePixels: 8).isEmpty)
    }

    private static func page(code: String, qrText: String) -> TicketPage {
        TicketPage(
            ticket: PrintedTicket(
                ticketID: TicketID(), code: code, qrText: qrText, isValid: true, holderName: "Tess Tester",
                title: "An evening with strings and a title that is long enough to be wrapped", venue: "Hall 1, Berlin",
                organizerName: "Olga Organizer", language: .english,
                starts: PrintedTicket.Moment(weekday: 6, day: 5, month: 12, year: 2026, time: "19:00"),
                ends: PrintedTicket.Moment(weekday: 6, day: 5, month: 12, year: 2026, time: "22:00"),
                zone: "Europe/Berlin, UTC+01:00"))
    }
}
