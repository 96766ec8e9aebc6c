import Access
import Crypto
import Domain
import FoundationEssentials
import Persistence
import Postgres

/// Merges what gates decided offline. See ``CheckInStore/merge(_:at:by:now:on:)``.
struct MergeScans: Sendable {
    /// Scans per request: a gate that was offline for an hour needs a few requests.
    static let limit = 500

    let stores: Stores
    let keyring: TicketKeyring
    let clock: @Sendable () -> Date

    /// A scan as a gate sends it.
    struct Sent: Sendable {
        /// The QR code's text, or a typed code.
        var code: String
        var scan: Scan
        var letIn: Bool
    }

    /// - Returns: the result of each scan, in order.
    func perform(_ sent: [Sent], at event: EventID, by principal: Principal) async throws -> [CheckInOutcome] {
        var scans: [OfflineScan] = []
        let keys = try await keyring.keys(for: sent.map(\.code))
        for (number, one) in sent.enumerated() {
            var scan = one.scan
            scan.codeHash = Array(SHA256.hash(data: Array(one.code.utf8)))
            scans.append(OfflineScan(keys.read(one.code, at: event), scan: scan, letIn: one.letIn))
            // A signature takes about 0.1 ms: lets others run.
            if number % 50 == 49 { await Task.yield() }
        }
        guard !scans.isEmpty else { return [] }
        let now = clock()
        return try await stores.database.transaction { [scans] transaction in
            try await stores.checkIns.merge(scans, at: event, by: principal.userID, now: now, on: transaction)
        }
    }
}
