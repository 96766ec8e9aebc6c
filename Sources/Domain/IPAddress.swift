import Glibc

/// An IPv4 or IPv6 address. An IPv4-mapped IPv6 address (`::ffff:a.b.c.d`, RFC 4291 §2.5.5.2) counts as IPv4, which is
/// where a connection to it goes.
public struct IPAddress: Hashable, Sendable {
    /// 4 or 16 bytes in network order.
    public let bytes: [UInt8]

    /// - Parameter bytes: 4 or 16, in network order.
    public init(_ bytes: [UInt8]) {
        precondition(bytes.count == 4 || bytes.count == 16)
        let isMapped = bytes.count == 16 && bytes.prefix(12) == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]
        self.bytes = isMapped ? Array(bytes[12...]) : bytes
    }

    /// Parses the usual form of an address (RFC 4291 §2.2, dotted decimal); nil for anything else.
    public init?(_ text: String) {
        var four = in_addr()
        if inet_pton(AF_INET, text, &four) == 1 {
            self.init(withUnsafeBytes(of: four) { Array($0) })
            return
        }
        var sixteen = in6_addr()
        guard inet_pton(AF_INET6, text, &sixteen) == 1 else { return nil }
        self.init(withUnsafeBytes(of: sixteen) { Array($0) })
    }

    /// Parses every form that the system's functions accept as an address rather than a name, including `2130706433`,
    /// `0x7f000001`, `0177.1`, `127.1` (inet_aton(3)).
    public init?(anyForm text: String) {
        if let address = IPAddress(text) {
            self = address
            return
        }
        var four = in_addr()
        // inet_aton ignores what follows a space.
        guard !text.contains(where: \.isWhitespace), inet_aton(text, &four) != 0 else { return nil }
        self.init(withUnsafeBytes(of: four) { Array($0) })
    }
}

/// A range of addresses in CIDR notation (RFC 4632, RFC 4291 §2.3).
public struct AddressRange: Hashable, Sendable {
    private let bytes: [UInt8]
    private let bits: Int

    /// Parses `10.0.0.0/8`, `fd00::/8`, or one address; nil for anything else.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = IPAddress(String(parts[0])) else { return nil }
        bytes = address.bytes
        guard parts.count == 2 else {
            bits = bytes.count * 8
            return
        }
        guard let bits = Int(parts[1]), (0...bytes.count * 8).contains(bits) else { return nil }
        self.bits = bits
    }

    /// Parses ranges and addresses separated by commas or spaces; nil if any of them is invalid.
    public static func list(_ text: String) -> [AddressRange]? {
        let items = text.split(whereSeparator: { $0 == "," || $0 == " " })
        let ranges = items.compactMap { AddressRange(String($0)) }
        return ranges.count == items.count ? ranges : nil
    }

    public func contains(_ address: IPAddress) -> Bool {
        guard address.bytes.count == bytes.count else { return false }
        let whole = bits / 8
        guard address.bytes[..<whole] == bytes[..<whole] else { return false }
        guard bits % 8 > 0 else { return true }
        return (address.bytes[whole] ^ bytes[whole]) >> (8 - bits % 8) == 0
    }
}
