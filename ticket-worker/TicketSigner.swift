import Access
import Crypto
import Domain
import FoundationEssentials

/// Signs tickets. The private key is nowhere else.
struct TicketSigner: Sendable {
    private let key: SigningKey
    /// What tickets call the key by: see ``TicketToken``.
    private let keyID: [UInt8]

    init(key: SigningKey) {
        self.key = key
        keyID = key.verificationKey.shortID
    }

    /// The text for the QR code of a ticket.
    /// - Parameter notAfter: from when on the ticket is no proof any more; nil for never.
    func sign(_ ticket: TicketID, event: EventID, issue: Int, notAfter: Date?) throws -> String {
        let token = TicketToken(
            keyID: keyID, ticketID: ticket, eventID: event, issue: UInt16(clamping: issue), notAfter: notAfter)
        return token.text(signature: Array(try key.privateKey.signature(for: token.signedBytes)))
    }
}
