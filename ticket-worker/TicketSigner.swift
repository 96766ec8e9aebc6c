import Access
import Crypto
import Domain
import FoundationEssentials

/// The signer of tickets, with the only copy of the private key.
struct TicketSigner: Sendable {
    private let key: SigningKey
    /// The key id in tickets: see ``TicketToken``.
    private let keyID: [UInt8]

    init(key: SigningKey) {
        self.key = key
        keyID = key.verificationKey.shortID
    }

    /// The text of a ticket's QR code.
    /// - Parameter notAfter: when the ticket expires; nil for never.
    func sign(_ ticket: TicketID, event: EventID, issue: Int, notAfter: Date?) throws -> String {
        let token = TicketToken(
            keyID: keyID, ticketID: ticket, eventID: event, issue: UInt16(clamping: issue), notAfter: notAfter)
        return token.text(signature: Array(try key.privateKey.signature(for: token.signedBytes)))
    }
}
