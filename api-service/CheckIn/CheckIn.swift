import Access
import Crypto
import Domain
import FoundationEssentials
import Persistence
import Postgres

/// Decides one scan at a gate.
struct CheckIn: Sendable {
    let stores: Stores
    let keyring: TicketKeyring

    /// - Parameters:
    ///   - code: the QR code's text, or a typed code.
    ///   - request: with its Idempotency-Key it is decided once.
    ///   - answer: makes the response, which is stored with the check-in.
    func perform(
        _ code: String, at event: EventID, scan: Scan, by principal: Principal, once request: IdempotentRequest?,
        _ answer: (CheckInOutcome) throws -> StoredResponse
    ) async throws -> Answered {
        var scan = scan
        scan.codeHash = Array(SHA256.hash(data: Array(code.utf8)))
        let presented = try await keyring.keys(for: [code]).read(code, at: event)
        return try await stores.database.transaction { [scan] transaction in
            try await stores.idempotency.once(request, on: transaction) {
                try answer(
                    try await stores.checkIns.checkIn(
                        presented, at: event, scan: scan, by: principal.userID, on: transaction))
            }
        }
    }
}
