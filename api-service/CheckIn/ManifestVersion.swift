import Access
import Crypto
import Domain
import FoundationEssentials
import Persistence

/// The version of a manifest: a gate that has it gets only the changes since. Opaque to gates; letters, digits, `.`,
/// `-` and `_`, so that it is valid in a URL and in an ETag.
struct ManifestVersion: Sendable, Hashable {
    /// The version of the event and the ticket keys, which every response contains in full.
    let head: String
    /// The database's id: eight hexadecimal digits.
    let database: String
    let snapshot: DatabaseSnapshot

    init(_ state: ManifestState, keys: KeySet) {
        head = "\(state.eventVersion)." + keys.keys.map { String($0.id.prefix(6)) }.joined()
        database = Hexadecimal.encode(Array(SHA256.hash(data: Array(state.database.utf8)).prefix(4)))
        let known = state.snapshot
        // A version has to fit in a header. If too many transactions are in progress, everything since the oldest
        // counts as such, and some lines are sent twice.
        snapshot =
            known.underWay.count <= Self.maximumUnderWay
            ? known : DatabaseSnapshot(oldest: known.oldest, next: known.oldest, underWay: []) ?? known
    }

    private static let maximumUnderWay = 100

    /// Parses ``text``; nil for anything else.
    init?(_ text: some StringProtocol) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 6, text.utf8.count < 2000, let oldest = UInt64(parts[3], radix: 36),
            let span = UInt64(parts[4], radix: 36)
        else { return nil }
        let offsets = parts[5].split(separator: "-").map { UInt64($0, radix: 36) }
        let next = oldest.addingReportingOverflow(span)
        let underWay = offsets.compactMap { $0.map { oldest.addingReportingOverflow($0).partialValue } }
        guard !next.overflow, underWay.count == offsets.count, underWay.count <= Self.maximumUnderWay,
            let snapshot = DatabaseSnapshot(oldest: oldest, next: next.partialValue, underWay: underWay)
        else { return nil }
        head = "\(parts[0]).\(parts[1])"
        database = String(parts[2])
        self.snapshot = snapshot
    }

    var text: String {
        let numbers = [snapshot.oldest, snapshot.next - snapshot.oldest].map { String($0, radix: 36) }
        let offsets = snapshot.underWay.map { String($0 - snapshot.oldest, radix: 36) }
        return ([head, database] + numbers + [offsets.joined(separator: "-")]).joined(separator: ".")
    }

    /// RFC 9110 §8.8.3: weak, because the same manifest may be sent compressed.
    var tag: String { "W/\"\(text)\"" }

    /// The version in an `If-None-Match`.
    static func named(by header: String) -> ManifestVersion? {
        header.split(separator: "\"").lazy.compactMap { ManifestVersion($0) }.first
    }
}
