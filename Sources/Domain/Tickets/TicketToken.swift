public import FoundationEssentials

/// The content of a ticket's QR code: enough for a gate to verify it offline.
///
/// Format, version 1 (all integers big-endian):
///
///     offset  bytes  meaning
///          0      4  key id: the first 4 bytes of SHA-256 over the 32-byte Ed25519 public key
///          4     16  ticket id (UUID)
///         20     16  event id (UUID)
///         36      2  issue: 1 for the first ticket of a registration, increasing with each reissue
///         38      3  not before, minutes since 2020-01-01T00:00Z, rounded down (0: at any time)
///         41      3  not after, likewise, rounded up
///         44     64  Ed25519 signature (RFC 8032) over `EM-Connect ticket 1` and bytes 0–43
///
/// The 108 bytes are encoded in Base32 (RFC 4648 §6) without padding, after `EM1:`, which names the version; all of it
/// is in QR's alphanumeric alphabet. These 177 characters fit a symbol of version 7 with error correction M (178): one
/// byte more would require version 8, whose modules are smaller in the same print.
public struct TicketToken: Hashable, Sendable {
    public static let prefix = "EM1:"
    /// 2020-01-01T00:00:00Z
    static let epoch = Date(timeIntervalSince1970: 1_577_836_800)
    static let unsignedLength = 44
    static let signatureLength = 64
    static let context = Array("EM-Connect ticket 1".utf8)

    /// The first four bytes of SHA-256 over the public key.
    public var keyID: [UInt8]
    public var ticketID: TicketID
    public var eventID: EventID
    public var issue: UInt16
    public var notBefore: Date?
    public var notAfter: Date?

    public init(
        keyID: [UInt8], ticketID: TicketID, eventID: EventID, issue: UInt16 = 1, notBefore: Date? = nil,
        notAfter: Date? = nil
    ) {
        precondition(keyID.count == 4, "a key id has four bytes")
        self.keyID = keyID
        self.ticketID = ticketID
        self.eventID = eventID
        self.issue = issue
        self.notBefore = notBefore
        self.notAfter = notAfter
    }

    private var unsigned: [UInt8] {
        var bytes = keyID
        withUnsafeBytes(of: ticketID.uuid.uuid) { bytes += $0 }
        withUnsafeBytes(of: eventID.uuid.uuid) { bytes += $0 }
        withUnsafeBytes(of: issue.bigEndian) { bytes += $0 }
        for minutes in [Self.minutes(notBefore, .down), Self.minutes(notAfter, .up)] {
            withUnsafeBytes(of: minutes.bigEndian) { bytes += $0.dropFirst() }
        }
        return bytes
    }

    /// The signed bytes: the fixed prefix ensures that a ticket's signature is valid for nothing else.
    public var signedBytes: [UInt8] { Self.context + unsigned }

    /// The text of the QR code.
    public func text(signature: [UInt8]) -> String {
        precondition(signature.count == Self.signatureLength, "an Ed25519 signature has 64 bytes")
        return Self.prefix + Base32.encode(unsigned + signature)
    }

    /// Parses a scanned text; nil if it isn't one of our tickets. Doesn't verify the signature.
    public static func parse(_ text: String) -> (token: TicketToken, signature: [UInt8])? {
        guard text.utf8.count <= 256, text.uppercased().hasPrefix(prefix),
            let bytes = Base32.decode(text.uppercased().dropFirst(prefix.count)),
            bytes.count == unsignedLength + signatureLength
        else { return nil }
        func uuid(_ offset: Int) -> UUID {
            bytes.withUnsafeBytes { UUID(uuid: $0.loadUnaligned(fromByteOffset: offset, as: uuid_t.self)) }
        }
        func number(_ range: Range<Int>) -> Int { bytes[range].reduce(0) { $0 << 8 | Int($1) } }
        let token = TicketToken(
            keyID: Array(bytes[0..<4]), ticketID: TicketID(uuid(4)), eventID: EventID(uuid(20)),
            issue: UInt16(number(36..<38)), notBefore: date(number(38..<41)), notAfter: date(number(41..<44)))
        return (token, Array(bytes[unsignedLength...]))
    }

    /// Three bytes reach to November 2051. Later ends are unlimited for a gate that has only the ticket.
    private static func minutes(_ date: Date?, _ rule: FloatingPointRoundingRule) -> UInt32 {
        guard let date else { return 0 }
        let minutes = Int((date.timeIntervalSince(epoch) / 60).rounded(rule))
        if minutes > 0xFF_FFFF { return rule == .up ? 0 : 0xFF_FFFF }
        return UInt32(max(1, minutes))
    }

    private static func date(_ minutes: Int) -> Date? {
        minutes == 0 ? nil : epoch.addingTimeInterval(TimeInterval(minutes) * 60)
    }
}

/// RFC 4648 §6, upper-case, without padding.
enum Base32 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".utf8)

    static func encode(_ bytes: [UInt8]) -> String {
        var output: [UInt8] = []
        output.reserveCapacity((bytes.count * 8 + 4) / 5)
        var buffer = 0
        var bits = 0
        for byte in bytes {
            buffer = (buffer << 8 | Int(byte)) & 0xFFFF
            bits += 8
            while bits >= 5 {
                bits -= 5
                output.append(alphabet[buffer >> bits & 31])
            }
        }
        if bits > 0 { output.append(alphabet[buffer << (5 - bits) & 31]) }
        return String(decoding: output, as: UTF8.self)
    }

    /// Nil for a foreign character, an impossible length or unused bits: every value has one text.
    static func decode(_ text: some StringProtocol) -> [UInt8]? {
        var output: [UInt8] = []
        var buffer = 0
        var bits = 0
        for byte in text.utf8 {
            let symbol: UInt8
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): symbol = byte - UInt8(ascii: "A")
            case UInt8(ascii: "2")...UInt8(ascii: "7"): symbol = byte - UInt8(ascii: "2") + 26
            default: return nil
            }
            buffer = (buffer << 5 | Int(symbol)) & 0xFFF
            bits += 5
            if bits >= 8 {
                bits -= 8
                output.append(UInt8(buffer >> bits & 0xFF))
            }
        }
        guard bits < 5, buffer & ((1 << bits) - 1) == 0 else { return nil }
        return output
    }
}
