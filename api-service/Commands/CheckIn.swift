import Access
import Crypto
import Domain
import FoundationEssentials
import Persistence
import Postgres

/// Decides one scan at a gate.
struct CheckIn: Sendable {
    let stores: Stores
    let keys: TicketKeys

    /// - Parameter code: the QR code's text, or what was typed.
    func perform(
        _ code: String, at event: EventID, scan: Scan, by principal: Principal
    ) async throws -> CheckInOutcome {
        let presented: CheckInStore.Presented
        switch read(code) {
        case .ticket(let token):
            // Signed by us, for another event: no need to ask the database.
            if token.eventID != event { return CheckInOutcome(result: .wrongEvent) }
            presented = .ticket(token.ticketID)
        case .typed(let code): presented = .code(code.description)
        case .unreadable: return CheckInOutcome(result: .unknown)
        }
        return try await stores.database.transaction { transaction in
            try await stores.checkIns.checkIn(
                presented, at: event, scan: scan, by: principal.userID, on: transaction)
        }
    }

    private enum Reading {
        case ticket(TicketToken)
        case typed(TicketCode)
        case unreadable
    }

    private func read(_ code: String) -> Reading {
        if let (token, signature) = TicketToken.parse(code) {
            return keys.verify(token, signature) ? .ticket(token) : .unreadable
        }
        return TicketCode(typed: code).map(Reading.typed) ?? .unreadable
    }
}

/// The public keys of ticket-worker, found by the key id that tickets carry.
struct TicketKeys: Sendable {
    let keySet: KeySet
    private let byID: [[UInt8]: [UInt8]]

    init(_ keySet: KeySet) {
        self.keySet = keySet
        byID = Dictionary(
            keySet.keys.map { (Array(SHA256.hash(data: $0.rawKey).prefix(4)), $0.rawKey) },
            uniquingKeysWith: { first, _ in first })
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
