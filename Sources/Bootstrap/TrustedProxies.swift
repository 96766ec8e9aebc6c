import Glibc

/// The proxies whose `X-Forwarded-For` is believed, as address ranges in CIDR notation (RFC 4632, RFC 4291 §2.3).
public struct TrustedProxies: Sendable {
    private struct Range {
        let bytes: [UInt8]
        let bits: Int

        func contains(_ address: [UInt8]) -> Bool {
            guard address.count == bytes.count else { return false }
            let whole = bits / 8
            guard address[..<whole] == bytes[..<whole] else { return false }
            guard bits % 8 > 0 else { return true }
            return (address[whole] ^ bytes[whole]) >> (8 - bits % 8) == 0
        }
    }

    private let ranges: [Range]

    private init(ranges: [Range]) { self.ranges = ranges }

    /// This machine alone: 127.0.0.0/8 and ::1.
    public static let loopback = TrustedProxies(ranges: [
        Range(bytes: [127, 0, 0, 0], bits: 8), Range(bytes: [UInt8](repeating: 0, count: 15) + [1], bits: 128),
    ])

    /// - Parameter text: ranges or single addresses, separated by commas.
    /// - Throws: ``Problem``.
    public init(_ text: String) throws {
        ranges = try text.split(whereSeparator: { $0 == "," || $0 == " " }).map { item in
            let parts = item.split(separator: "/", maxSplits: 1)
            guard let bytes = Self.bytes(String(parts[0])) else { throw Problem("must list addresses or CIDR ranges") }
            let bits = parts.count == 2 ? Int(parts[1]) : bytes.count * 8
            guard let bits, (0...bytes.count * 8).contains(bits) else {
                throw Problem("has a range with a wrong length")
            }
            return Range(bytes: bytes, bits: bits)
        }
    }

    public func trusts(_ address: String) -> Bool {
        guard let bytes = Self.bytes(address) else { return false }
        return ranges.contains { $0.contains(bytes) }
    }

    /// The client's address: from the right, the first of the forwarded addresses that no trusted proxy has.
    public func client(peer: String, forwardedFor: [String]) -> String {
        var client = peer
        let hops = forwardedFor.flatMap { $0.split(separator: ",") }
        for hop in hops.reversed() {
            guard trusts(client) else { break }
            let address = String(hop.filter { !$0.isWhitespace })
            guard Self.bytes(address) != nil else { break }
            client = address
        }
        return client
    }

    /// What limits per address count by: an IPv4 address, or the /64 that one subscriber's IPv6 addresses share
    /// (RFC 6177).
    public static func network(of address: String) -> String {
        guard let bytes = bytes(address), bytes.count == 16 else { return address }
        return bytes.prefix(8).map { String($0, radix: 16) }.joined(separator: ":") + "/64"
    }

    /// 4 or 16 bytes in network order; an IPv4 address in IPv6's clothes (RFC 4291 §2.5.5.2) counts as IPv4.
    private static func bytes(_ text: String) -> [UInt8]? {
        var four = in_addr()
        if inet_pton(AF_INET, text, &four) == 1 { return withUnsafeBytes(of: four) { Array($0) } }
        var sixteen = in6_addr()
        guard inet_pton(AF_INET6, text, &sixteen) == 1 else { return nil }
        let bytes = withUnsafeBytes(of: sixteen) { Array($0) }
        return bytes.prefix(12) == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF] ? Array(bytes[12...]) : bytes
    }
}
