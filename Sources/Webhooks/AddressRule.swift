public import Domain

/// The rule for webhook destinations: globally reachable addresses, and those that the operator allows.
///
/// It checks the address of the connection, after name resolution: a name whose addresses change between two lookups
/// (DNS rebinding) gains nothing.
public struct AddressRule: Sendable {
    /// Private on purpose: `EM_WEBHOOK_ALLOWED_ADDRESSES`.
    public let allowed: [AddressRange]

    public init(allowed: [AddressRange] = []) { self.allowed = allowed }

    /// Whether a connection can be opened. Without encryption, only to addresses that the operator allows.
    public func permits(_ address: IPAddress, isEncrypted: Bool) -> Bool {
        if allowed.contains(where: { $0.contains(address) }) { return true }
        return isEncrypted && Self.isGlobal(address)
    }

    /// Whether the address is globally reachable, by IANA's registries of special-purpose addresses (RFC 6890 and later
    /// additions), but stricter: ranges of relays and translators, through which a private address can be written as a
    /// public one, are excluded.
    public static func isGlobal(_ address: IPAddress) -> Bool {
        if address.bytes.count == 4 { return !special4.contains { $0.contains(address) } }
        return globalUnicast.contains { $0.contains(address) } && !special6.contains { $0.contains(address) }
    }

    private static let special4 = ranges(
        "0.0.0.0/8",  // this network (RFC 791)
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",  // private (RFC 1918)
        "100.64.0.0/10",  // carriers' NAT (RFC 6598)
        "127.0.0.0/8",  // loopback (RFC 1122)
        "169.254.0.0/16",  // link-local, including cloud metadata services (RFC 3927)
        "192.0.0.0/24",  // protocol assignments (RFC 6890)
        "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24",  // documentation (RFC 5737)
        "192.31.196.0/24", "192.175.48.0/24",  // AS112 (RFC 7535, RFC 7534)
        "192.52.193.0/24",  // AMT relays (RFC 7450)
        "192.88.99.0/24",  // 6to4 relays (RFC 7526)
        "198.18.0.0/15",  // benchmarks (RFC 2544)
        "224.0.0.0/4",  // multicast (RFC 5771)
        "240.0.0.0/4")  // reserved, and broadcast (RFC 1112, RFC 919)

    /// All allocated global unicast (RFC 4291 §2.4). It excludes loopback, IPv4-compatible addresses, NAT64
    /// (64:ff9b::/96, 64:ff9b:1::/48), unique local, link-local, site-local, multicast and segment identifiers.
    private static let globalUnicast = ranges("2000::/3")

    private static let special6 = ranges(
        "2001::/23",  // protocol assignments: Teredo, ORCHID, benchmarks, AMT… (RFC 2928)
        "2001:db8::/32", "3fff::/20",  // documentation (RFC 3849, RFC 9637)
        "2002::/16",  // 6to4 (RFC 3056)
        "2620:4f:8000::/48")  // AS112 (RFC 7534)

    private static func ranges(_ texts: String...) -> [AddressRange] {
        texts.map { text in
            guard let range = AddressRange(text) else { preconditionFailure("not a range: \(text)") }
            return range
        }
    }
}
