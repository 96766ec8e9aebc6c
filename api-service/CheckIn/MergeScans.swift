import Access
import Crypto
import Domain
import FoundationEssentials
import Persistence
import Postgres

/// Merges what gates decided without the network. See ``CheckInStore/merge(_:at:by:now:on:)``.
struct MergeScans: Sendable {
    /// Scans in one request: a gate that was alone for an hour needs a few.
    static let limit = 500

    let stores: Stores
    let keyring: TicketKeyring
    let clock: @Sendable () -> Date

    /// A scan as a gate sends it.
    struct Sent: Sendable {
        /// The QR code's text, or what was typed.
        var code: String
        var scan: Scan
        var letIn: Bool
    }

    /// - Returns: what each of the scans is worth, in their order.
    func perform(_ sent: [Sent], at event: EventID, by principal: Principal) async throws -> [CheckInOutcome] {
        var scans: [OfflineScan] = []
        let keys = try await keyring.keys(for: sent.map(\.code))
        for (number, one) in sent.enumerated() {
            var scan = one.scan
            scan.codeHash = Array(SHA256.hash(data: Array(one.code.utf8)))
            scans.append(OfflineScan(keys.read(one.code, at: event), scan: scan, letIn: one.letIn))
            // A signature takes some 0.1 ms: others get their turn.
            if number % 50 == 49 { await Task.yield() }
        }
        guard !scans.isEmpty else { return [] }
        let now = clock()
        return try await stores.database.transaction { [scans] transaction in
            try await stores.checkIns.merge(scans, at: event, by: principal.userID, now: now, on: transaction)
        }
    }
}
