public import FoundationEssentials

/// The id of one `Subject`: a UUID whose type prevents confusion with other kinds.
///
/// New ones are UUIDv7 (RFC 9562 §5.7): the leading millisecond timestamp keeps index inserts together, and 74 random
/// bits make it unique. It is not a secret.
public struct Identifier<Subject>: Hashable, Sendable, Comparable, CustomStringConvertible {
    public let uuid: UUID

    public init(_ uuid: UUID) { self.uuid = uuid }

    /// A new id, ordered by time.
    public init() { self.uuid = .version7() }

    /// Parses the usual 36-character form; nil for anything else.
    public init?(_ text: some StringProtocol) {
        var text = String(text)
        guard let uuid = text.withUTF8({ UUID(text: $0) }) else { return nil }
        self.uuid = uuid
    }

    /// Lower-case, as everywhere outside the process.
    public var description: String {
        var text: [UInt8] = []
        text.reserveCapacity(36)
        uuid.appendText(to: &text)
        return String(decoding: text, as: UTF8.self)
    }

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
public enum MailingSubject {}
public enum MailPreviewSubject {}
public enum NotificationSubject {}
public enum TransferSubject {}
public enum MessageSubject {}
public enum APIKeySubject {}
public enum SubscriptionSubject {}
public enum WebhookDeliverySubject {}

public typealias UserID = Identifier<UserSubject>
public typealias SessionID = Identifier<SessionSubject>
public typealias EventID = Identifier<EventSubject>
public typealias RegistrationID = Identifier<RegistrationSubject>
public typealias TicketID = Identifier<TicketSubject>
public typealias CheckInID = Identifier<CheckInSubject>
public typealias AnnouncementID = Identifier<AnnouncementSubject>
public typealias MailingID = Identifier<MailingSubject>
public typealias MailPreviewID = Identifier<MailPreviewSubject>
public typealias NotificationID = Identifier<NotificationSubject>
public typealias TransferID = Identifier<TransferSubject>
public typealias MessageID = Identifier<MessageSubject>
public typealias APIKeyID = Identifier<APIKeySubject>
public typealias SubscriptionID = Identifier<SubscriptionSubject>
public typealias WebhookDeliveryID = Identifier<WebhookDeliverySubject>

extension UUID {
    /// Appends the usual 36-character form, lower-case. (Foundation uses `printf` and `scanf`.)
    func appendText(to bytes: inout [UInt8]) {
        withUnsafeBytes(of: uuid) { octets in
            for (index, octet) in octets.enumerated() {
                if index == 4 || index == 6 || index == 8 || index == 10 { bytes.append(UInt8(ascii: "-")) }
                bytes.append(Self.digit(octet >> 4))
                bytes.append(Self.digit(octet & 15))
            }
        }
    }

    /// Parses the usual 36-character form, in either case; nil for anything else.
    init?(text: UnsafeBufferPointer<UInt8>) {
        guard text.count == 36 else { return nil }
        var value: UInt128 = 0
        for index in 0..<36 {
            let character = text[index]
            if index == 8 || index == 13 || index == 18 || index == 23 {
                guard character == UInt8(ascii: "-") else { return nil }
                continue
            }
            switch character {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt128(character - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = value << 4 | UInt128(character - UInt8(ascii: "a") + 10)
            case UInt8(ascii: "A")...UInt8(ascii: "F"): value = value << 4 | UInt128(character - UInt8(ascii: "A") + 10)
            default: return nil
            }
        }
        self = withUnsafeBytes(of: value.bigEndian) { UUID(uuid: $0.loadUnaligned(as: uuid_t.self)) }
    }

    private static func digit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
    }

    private static func randomBits() -> UInt128 {
        var generator = SystemRandomNumberGenerator()
        return UInt128(generator.next()) << 64 | UInt128(generator.next())
    }

    /// A UUIDv7 (RFC 9562 §5.7) with the current time.
    static func version7(at now: Date = Date(), random: UInt128 = randomBits()) -> UUID {
        let milliseconds = UInt64(max(0, now.timeIntervalSince1970 * 1000))
        var value = UInt128(milliseconds & 0xFFFF_FFFF_FFFF) << 80
        value |= random & ((1 << 80) - 1)
        value = value & ~(UInt128(0xF) << 76) | UInt128(7) << 76
        value = value & ~(UInt128(0b11) << 62) | UInt128(0b10) << 62
        return withUnsafeBytes(of: value.bigEndian) { UUID(uuid: $0.loadUnaligned(as: uuid_t.self)) }
    }
}
