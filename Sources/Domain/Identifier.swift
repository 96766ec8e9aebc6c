public import FoundationEssentials

/// The identity of one `Subject`: a UUID that can't be mistaken for another kind's.
///
/// New ones are UUIDv7 (RFC 9562 §5.7): a millisecond clock in front keeps index inserts together, 74 random bits
/// make it unguessable enough to be unique. It is not a secret.
public struct Identifier<Subject>: Hashable, Sendable, Comparable, CustomStringConvertible {
    public let uuid: UUID

    public init(_ uuid: UUID) { self.uuid = uuid }

    /// A new identity, ordered by time.
    public init() { self.uuid = .version7() }

    /// Reads the usual 36-character form; nil when it is anything else.
    public init?(_ text: some StringProtocol) {
        guard text.utf8.count == 36, let uuid = UUID(uuidString: String(text)) else { return nil }
        self.uuid = uuid
    }

    /// Lower-case, as everywhere outside the process.
    public var description: String { uuid.uuidString.lowercased() }

    public static func < (left: Self, right: Self) -> Bool { left.uuid < right.uuid }
}

extension Identifier: Codable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let value = Self(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a UUID")
        }
        self = value
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

public enum UserSubject {}
public enum SessionSubject {}
public enum EventSubject {}
public enum RegistrationSubject {}
public enum TicketSubject {}
public enum CheckInSubject {}
public enum AnnouncementSubject {}
public enum NotificationSubject {}
public enum MessageSubject {}

public typealias UserID = Identifier<UserSubject>
public typealias SessionID = Identifier<SessionSubject>
public typealias EventID = Identifier<EventSubject>
public typealias RegistrationID = Identifier<RegistrationSubject>
public typealias TicketID = Identifier<TicketSubject>
public typealias CheckInID = Identifier<CheckInSubject>
public typealias AnnouncementID = Identifier<AnnouncementSubject>
public typealias NotificationID = Identifier<NotificationSubject>
public typealias MessageID = Identifier<MessageSubject>

extension UUID {
    /// A UUIDv7 (RFC 9562 §5.7) of this moment.
    static func version7(at now: Date = Date(), random: UInt128 = .random(in: .min ... .max)) -> UUID {
        let milliseconds = UInt64(max(0, now.timeIntervalSince1970 * 1000))
        var value = UInt128(milliseconds & 0xFFFF_FFFF_FFFF) << 80
        value |= random & ((1 << 80) - 1)
        value = value & ~(UInt128(0xF) << 76) | UInt128(7) << 76
        value = value & ~(UInt128(0b11) << 62) | UInt128(0b10) << 62
        return withUnsafeBytes(of: value.bigEndian) { UUID(uuid: $0.loadUnaligned(as: uuid_t.self)) }
    }
}
