import Domain
import QRCode
import Synchronization

/// The QR code images of tickets: drawn on first request and cached in memory until evicted, so that a ticket opened
/// again, at the door for example, is not drawn again.
///
/// Not in the database: drawing takes 0.2 ms, less than a commit, and most tickets are never opened, because the email
/// shows the code. A ticket's text never changes, so neither does its image.
final class TicketPictures: Sendable {
    enum Format: String {
        case svg, png
    }

    private struct Key: Hashable {
        var ticket: TicketID
        var format: Format
    }

    /// Two generations: requested images are young; when the young fill half of the space they become the old, and the
    /// previous old ones are evicted.
    private struct Generations {
        var young: [Key: [UInt8]] = [:]
        var old: [Key: [UInt8]] = [:]
        var youngBytes = 0
    }

    private let maximumBytes: Int
    private let kept = Mutex(Generations())

    init(maximumBytes: Int = 8 << 20) { self.maximumBytes = maximumBytes }

    /// - Throws: `QRSymbolError`.
    func picture(_ format: Format, of ticket: Ticket) throws -> [UInt8] {
        let key = Key(ticket: ticket.id, format: format)
        if let found = kept.withLock({ $0.young[key] ?? $0.old[key] }) {
            keep(found, key)
            return found
        }
        let symbol = try QRSymbol(text: ticket.qrText)
        let made =
            switch format {
            case .svg: Array(symbol.svg(title: "Ticket \(ticket.code)").utf8)
            case .png: symbol.png(modulePixels: 8)
            }
        keep(made, key)
        return made
    }

    private func keep(_ picture: [UInt8], _ key: Key) {
        kept.withLock { kept in
            guard kept.young.updateValue(picture, forKey: key) == nil else { return }
            kept.youngBytes += picture.count
            guard kept.youngBytes > maximumBytes / 2 else { return }
            kept = Generations(old: kept.young)
        }
    }

    /// The size of the cached images.
    var bytes: Int {
        kept.withLock { kept in
            kept.young.merging(kept.old) { young, _ in young }.reduce(0) { $0 + $1.value.count }
        }
    }
}
