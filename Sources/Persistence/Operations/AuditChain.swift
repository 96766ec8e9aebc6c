import Crypto
import FoundationEssentials

/// The format of the audit log's seals. A change here invalidates every older seal: a new format needs a new name in
/// ``version``, and the old one stays for the old rows.
///
/// Seal n = SHA-256(version ‖ seal n−1 ‖ n ‖ every field of the row), each field preceded by its length, so that no two
/// rows have the same bytes; the first follows 32 zero bytes. A row's content is included only as SHA-256(salt ‖
/// content): without the salt no one can guess an erased content.
enum AuditChain {
    private static let version = "em-audit-1"

    static let start = [UInt8](repeating: 0, count: 32)

    /// A row as it is sealed: its columns in PostgreSQL's text form.
    struct Entry: Sendable, Equatable {
        var id: Int
        /// Microseconds since 1970.
        var at: Int
        var actor: String?
        var action: String
        var subject: String?
        var event: String?
        /// For rows from before contents had their own table.
        var details: String?
        var contentDigest: [UInt8]?
        var trace: String?
    }

    static func salt() -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<16).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    }

    static func digest(ofContent content: [UInt8], salt: [UInt8]) -> [UInt8] {
        var hash = SHA256()
        hash.update(data: salt)
        hash.update(data: content)
        return Array(hash.finalize())
    }

    /// - Parameter previous: the previous seal, or ``start``.
    static func seal(_ entry: Entry, number: Int, after previous: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        func append(_ field: [UInt8]?) {
            guard let field else {
                bytes.append(0)
                return
            }
            bytes.append(1)
            withUnsafeBytes(of: UInt32(field.count).bigEndian) { bytes += $0 }
            bytes += field
        }
        func append(_ text: String?) { append(text.map { Array($0.utf8) }) }
        append(version)
        append(previous)
        append(String(number))
        append(String(entry.id))
        append(String(entry.at))
        append(entry.actor)
        append(entry.action)
        append(entry.subject)
        append(entry.event)
        append(entry.details)
        append(entry.contentDigest)
        append(entry.trace)
        return Array(SHA256.hash(data: bytes))
    }
}
