import Domain
import FoundationEssentials
import Persistence

/// The list that a cursor belongs to.
enum CursorKind: UInt8 {
    case publishedEvents = 1
    case ownEvents
    case ownRegistrations
    case notifications
    case attendees
    case announcements
    case users
    case deadLetters
    case scans
    case scanConflicts
    case members
    case audit
    case mailings
    case apiKeys
    case subscriptions
    case sessions = 20
    case webhookDeliveries = 22
    case registrationNotifications
    case timeline
    case ownedEvents
}

/// The end of a page as opaque text: base64url of the kind, the time in microseconds since 2001 and the id. It names a
/// row of a list that its reader is allowed to see anyway, so it is not signed.
enum Cursor {
    static func encode(_ key: PageKey, _ kind: CursorKind) -> String {
        let microseconds = Int64((key.at.timeIntervalSinceReferenceDate * 1e6).rounded())
        var bytes = [kind.rawValue]
        withUnsafeBytes(of: microseconds.bigEndian) { bytes += $0 }
        withUnsafeBytes(of: key.id.uuid) { bytes += $0 }
        return Base64URL.encode(bytes)
    }

    /// - Throws: ``APIProblem/badCursor`` for a cursor that was not made here for this list.
    static func decode(_ text: String, _ kind: CursorKind) throws -> PageKey {
        guard text.utf8.count == 34, let bytes = Base64URL.decode(text), bytes.count == 25, bytes[0] == kind.rawValue
        else { throw APIProblem.badCursor }
        let (microseconds, id) = bytes.withUnsafeBytes {
            (
                Int64(bigEndian: $0.loadUnaligned(fromByteOffset: 1, as: Int64.self)),
                UUID(uuid: $0.loadUnaligned(fromByteOffset: 9, as: uuid_t.self))
            )
        }
        let time = Date(timeIntervalSinceReferenceDate: Double(microseconds) / 1e6)
        guard EventDetails.possibleTimes.contains(time) else { throw APIProblem.badCursor }
        return PageKey(at: time, id: id)
    }
}
