import Crypto
import Domain
import Persistence
import QRCode
import Typesetting

/// A printable ticket: one page, to be folded once (the code is in the upper half).
struct TicketPage: Sendable {
    /// Increases when the layout changes, so that stored documents are regenerated.
    private static let layout: UInt8 = 3

    let ticket: PrintedTicket
    private let words: TicketWords

    init(ticket: PrintedTicket) {
        self.ticket = ticket
        words = TicketWords(ticket.language)
    }

    /// SHA-256 over all printed content: identical content means the identical document.
    var fingerprint: [UInt8] {
        var hash = SHA256()
        hash.update(data: [Self.layout, ticket.isValid ? 1 : 0])
        for text in [
            ticket.code, ticket.qrText, ticket.holderName, ticket.title, ticket.venue, ticket.organizerName,
            ticket.language.rawValue, words.day(of: ticket.starts), words.hours(from: ticket.starts, to: ticket.ends),
            ticket.zone,
        ] {
            hash.update(data: Array("\(text.utf8.count):\(text)".utf8))
        }
        return Array(hash.finalize())
    }

    private static let margin = 48.0
    private static let ink: UInt32 = 0x1D1C1A
    private static let soft: UInt32 = 0x5D5A54
    private static let alarm: UInt32 = 0xB3261E
    /// 60 mm: readable by a phone at arm's length, with margin for a creased print.
    private static let symbolWidth = 170.0

    /// The document. Takes some milliseconds: see ``TicketPrinter``.
    /// - Throws: `PDFPage.Failure`, `QRSymbolError`.
    func document() throws -> [UInt8] {
        var page = try PDFPage(title: "\(ticket.title): ticket \(ticket.code)")
        let column = PDFPage.width - 2 * Self.margin
        var y = Self.margin
        page.text(words.ticket, x: Self.margin, y: y, width: column, size: 10, isBold: true, color: Self.soft)
        y += 20
        y += page.text(
            ticket.title, x: Self.margin, y: y, width: column, size: 24, isBold: true, color: Self.ink, maximumLines: 4)
        y += 16
        let facts = column - Self.symbolWidth - 36
        let symbolTop = y
        try symbol(on: &page, x: PDFPage.width - Self.margin - Self.symbolWidth, y: symbolTop)
        for (label, lines) in factLines {
            page.text(label, x: Self.margin, y: y, width: facts, size: 9, color: Self.soft)
            y += 13
            for line in lines {
                y += page.text(
                    line, x: Self.margin, y: y, width: facts, size: 13, color: Self.ink, maximumLines: 3)
            }
            y += 12
        }
        if !ticket.isValid {
            page.text(
                words.notValid, x: Self.margin, y: y, width: facts, size: 13, isBold: true,
                color: Self.alarm, maximumLines: 2)
            y += 24
        }
        footer(on: &page, y: max(y, symbolTop + Self.symbolWidth + 60))
        return try page.document()
    }

    private var factLines: [(String, [String])] {
        let hours = words.hours(from: ticket.starts, to: ticket.ends)
        var lines = [(words.when, [words.day(of: ticket.starts), hours, ticket.zone])]
        if !ticket.venue.isEmpty { lines.append((words.location, [ticket.venue])) }
        lines.append((words.holder, [ticket.holderName]))
        lines.append((words.organizer, [ticket.organizerName]))
        return lines
    }

    /// The QR code, and below it the code for typing.
    private func symbol(on page: inout PDFPage, x: Double, y: Double) throws {
        let symbol = try QRSymbol(text: ticket.qrText)
        var dark: [Bool] = []
        dark.reserveCapacity(symbol.size * symbol.size)
        for row in 0..<symbol.size { for column in 0..<symbol.size { dark.append(symbol[column, row]) } }
        page.symbol(dark, side: symbol.size, x: x, y: y, width: Self.symbolWidth)
        page.text(
            ticket.code, x: x, y: y + Self.symbolWidth + 14, width: Self.symbolWidth + Self.margin, size: 16,
            family: .monospace, isBold: true, color: Self.ink)
    }

    private func footer(on page: inout PDFPage, y: Double) {
        let column = PDFPage.width - 2 * Self.margin
        page.fill(x: Self.margin, y: y, width: column, height: 0.75, color: Self.soft)
        page.text(
            words.instructions, x: Self.margin, y: y + 10, width: column, size: 9, color: Self.soft, maximumLines: 4)
    }
}
