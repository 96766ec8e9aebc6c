import Access
import Crypto
import Domain
import Persistence

/// The public keys of ticket-worker, found by the key id that tickets carry.
struct TicketKeys: Sendable {
    let keySet: KeySet
    private let byID: [[UInt8]: [UInt8]]

    init(_ keySet: KeySet) {
        self.keySet = keySet
        byID = Dictionary(
            keySet.keys.map { (TicketToken.keyID(of: $0), $0.rawKey) }, uniquingKeysWith: { first, _ in first })
    }

    /// What was shown at a gate of this event: a ticket's signed text, or its typed code.
    func read(_ code: String, at event: EventID) -> CheckInStore.Presented {
        if let (token, signature) = TicketToken.parse(code) {
            guard verify(token, signature) else { return .refused(.unknown) }
            // Signed by us, for another event.
            return token.eventID == event ? .ticket(token.ticketID) : .refused(.wrongEvent)
        }
        return TicketCode(typed: code).map { .code($0.description) } ?? .refused(.unknown)
    }

    /// Whether one of the keys signed this ticket.
    func verify(_ token: TicketToken, _ signature: [UInt8]) -> Bool {
        guard let raw = byID[token.keyID] else { return false }
        do {
            let key = try Curve25519.Signing.PublicKey(rawRepresentation: raw)
            return key.isValidSignature(signature, for: token.signedBytes)
        } catch {
            return false  // the set was checked when it was read
        }
    }
}

extension TicketToken {
    /// What tickets call a key by.
    static func keyID(of key: VerificationKey) -> [UInt8] { Array(SHA256.hash(data: key.rawKey).prefix(4)) }
}
