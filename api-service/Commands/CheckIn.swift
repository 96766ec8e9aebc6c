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

    /// - Parameters:
    ///   - code: the QR code's text, or what was typed.
    ///   - request: with its Idempotency-Key it is decided once.
    ///   - answer: makes the answer, which is kept with the check-in.
    func perform(
        _ code: String, at event: EventID, scan: Scan, by principal: Principal, once request: IdempotentRequest?,
        _ answer: (CheckInOutcome) throws -> StoredResponse
    ) async throws -> Answered {
        let (presented, decided) = present(code, at: event)
        // No need to ask the database, unless the answer has to be kept.
        if let decided, request == nil { return Answered(try answer(decided)) }
        return try await stores.database.transaction { transaction in
            try await stores.idempotency.once(request, on: transaction) {
                guard let presented else { return try answer(decided ?? CheckInOutcome(result: .unknown)) }
                return try answer(
                    try await stores.checkIns.checkIn(
                        presented, at: event, scan: scan, by: principal.userID, on: transaction))
            }
        }
    }

    /// What the database has to be asked, or what is plain without it.
    private func present(_ code: String, at event: EventID) -> (CheckInStore.Presented?, CheckInOutcome?) {
        switch read(code) {
        // Signed by us, for another event.
        case .ticket(let token) where token.eventID != event: (nil, CheckInOutcome(result: .wrongEvent))
        case .ticket(let token): (.ticket(token.ticketID), nil)
        case .typed(let code): (.code(code.description), nil)
        case .unreadable: (nil, CheckInOutcome(result: .unknown))
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
