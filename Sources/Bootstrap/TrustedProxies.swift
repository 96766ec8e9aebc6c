public import Domain

/// The proxies whose `X-Forwarded-For` is trusted, as address ranges in CIDR notation (RFC 4632, RFC 4291 §2.3).
public struct TrustedProxies: Sendable {
    private let ranges: [AddressRange]

    private init(ranges: [AddressRange]) { self.ranges = ranges }

    /// This machine only: 127.0.0.0/8 and ::1.
    public static let loopback = TrustedProxies(ranges: ["127.0.0.0/8", "::1"].compactMap(AddressRange.init))

    /// - Parameter text: ranges or addresses, separated by commas.
    /// - Throws: ``Problem``.
    public init(_ text: String) throws {
        ranges = try AddressRange.ranges(text)
    }

    public func trusts(_ address: String) -> Bool {
        guard let address = IPAddress(address) else { return false }
        return ranges.contains { $0.contains(address) }
    }

    /// The client's address: from the right, the first forwarded address that is not a trusted proxy's.
    public func client(peer: String, forwardedFor: [String]) -> String {
        var client = peer
        let hops = forwardedFor.flatMap { $0.split(separator: ",") }
        for hop in hops.reversed() {
            guard trusts(client) else { break }
            let address = String(hop.filter { !$0.isWhitespace })
            guard IPAddress(address) != nil else { break }
            client = address
        }
        return client
    }

    /// The key of per-address limits: an IPv4 address, in one spelling (`::ffff:192.0.2.1` is 192.0.2.1), or the /64
    /// that one subscriber's IPv6 addresses share (RFC 6177).
    public static func network(of address: String) -> String {
        guard let bytes = IPAddress(address)?.bytes else { return address }
        guard bytes.count == 16 else { return bytes.map { String($0) }.joined(separator: ".") }
        return bytes.prefix(8).map { String($0, radix: 16) }.joined(separator: ":") + "/64"
    }
}

extension AddressRange {
    /// Reads a setting: ranges or addresses, separated by commas.
    /// - Throws: ``Problem``.
    public static func ranges(_ text: String) throws -> [AddressRange] {
        guard let ranges = list(text) else { throw Problem("must list addresses or CIDR ranges") }
        return ranges
    }
}
