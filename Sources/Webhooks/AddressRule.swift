public import Domain

/// Where a webhook may go: to addresses that the whole internet reaches, and to those that the operator lets through.
///
/// What is asked is the address of the connection, after the name was looked up: a name whose addresses change between
/// two looks (DNS rebinding) gains nothing.
public struct AddressRule: Sendable {
    /// Inside on purpose: `EM_WEBHOOK_ALLOWED_ADDRESSES`.
    public let allowed: [AddressRange]

    public init(allowed: [AddressRange] = []) { self.allowed = allowed }

    /// Whether a connection may be opened. Without encryption only to what the operator lets through.
    public func permits(_ address: IPAddress, isEncrypted: Bool) -> Bool {
        if allowed.contains(where: { $0.contains(address) }) { return true }
        return isEncrypted && Self.isGlobal(address)
    }

    /// Whether the address is one of the internet's, by IANA's registries of special-purpose addresses (RFC 6890 and what
    /// was added since), with less trust than they have: ranges of relays and translators, through which an inner
    /// address can be written as an outer one, are none.
    public static func isGlobal(_ address: IPAddress) -> Bool {
        if address.bytes.count == 4 { return !special4.contains { $0.contains(address) } }
        return globalUnicast.contains { $0.contains(address) } && !special6.contains { $0.contains(address) }
    }

    private static let special4 = ranges(
        "0.0.0.0/8",  // this network (RFC 791)
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",  // private (RFC 1918)
        "100.64.0.0/10",  // carriers' NAT (RFC 6598)
        "127.0.0.0/8",  // loopback (RFC 1122)
        "169.254.0.0/16",  // link-local, clouds' metadata among it (RFC 3927)
        "192.0.0.0/24",  // protocol assignments (RFC 6890)
        "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24",  // documentation (RFC 5737)
        "192.31.196.0/24", "192.175.48.0/24",  // AS112 (RFC 7535, RFC 7534)
        "192.52.193.0/24",  // AMT relays (RFC 7450)
        "192.88.99.0/24",  // 6to4 relays (RFC 7526)
        "198.18.0.0/15",  // benchmarks (RFC 2544)
        "224.0.0.0/4",  // multicast (RFC 5771)
        "240.0.0.0/4")  // reserved, and broadcast (RFC 1112, RFC 919)

    /// All that has been given out as global unicast (RFC 4291 §2.4). Outside of it lie loopback, IPv4-compatible
    /// addresses, NAT64 (64:ff9b::/96, 64:ff9b:1::/48), unique local, link-local, site-local, multicast and segment
    /// identifiers.
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
